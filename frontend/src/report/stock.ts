// A stock of sentences for completion, of the project's own authorship; the server adds what the department signed.

import type { Section } from "../api";

type Stock = Record<Section, readonly string[]>;

const EN: Stock = {
  findings: [
    "No focal consolidation is seen.",
    "No pleural effusion on either side.",
    "No pneumothorax.",
    "The lungs are clear and well expanded.",
    "The lungs are hyperinflated with flattened diaphragms.",
    "The heart is of normal size.",
    "The heart is enlarged.",
    "The heart size is at the upper limit of normal.",
    "The mediastinum is not widened.",
    "The mediastinal and hilar contours are unremarkable.",
    "Small effusion on the right with blunting of the costophrenic angle.",
    "Small effusion on the left with blunting of the costophrenic angle.",
    "Linear atelectasis at the right base.",
    "Linear atelectasis at the left base.",
    "Patchy opacity in the right lower zone.",
    "Patchy opacity in the left lower zone.",
    "Vascular markings are accentuated with upper zone redistribution.",
    "A calcified granuloma is noted.",
    "Degenerative change of the thoracic spine.",
    "No acute bony abnormality.",
    "Central venous catheter with its tip projecting over the superior vena cava.",
    "Endotracheal tube with its tip above the carina.",
    "Nasogastric tube with its tip below the diaphragm.",
    "Pacemaker with leads in expected position.",
  ],
  impression: [
    "No acute cardiopulmonary process.",
    "No acute abnormality of the chest.",
    "Findings suspicious for pneumonia; follow up to resolution.",
    "Cardiomegaly without decompensation.",
    "Signs of congestion.",
    "Pneumothorax; the referring physician is being informed.",
    "Nodule in need of further work-up by CT.",
    "Stable appearance in comparison with the prior film.",
  ],
};

const DE: Stock = {
  findings: [
    "Kein Nachweis einer umschriebenen Konsolidierung.",
    "Kein Pleuraerguss beidseits.",
    "Kein Pneumothorax.",
    "Lungen seitengleich belüftet und frei von Infiltraten.",
    "Überblähte Lungen mit abgeflachten Zwerchfellen.",
    "Herz normal groß.",
    "Herz vergrößert.",
    "Herzgröße grenzwertig.",
    "Mediastinum nicht verbreitert.",
    "Hili und Mediastinum unauffällig konfiguriert.",
    "Kleiner Erguss rechts mit verstrichenem Randwinkel.",
    "Kleiner Erguss links mit verstrichenem Randwinkel.",
    "Streifenatelektase rechts basal.",
    "Streifenatelektase links basal.",
    "Fleckige Verschattung im rechten Unterfeld.",
    "Fleckige Verschattung im linken Unterfeld.",
    "Vermehrte Gefäßzeichnung mit Umverteilung nach kranial.",
    "Degenerative Veränderungen der Brustwirbelsäule.",
    "Keine frische knöcherne Verletzung.",
    "ZVK mit Spitze in Projektion auf die Vena cava superior.",
    "Trachealtubus mit Spitze oberhalb der Carina.",
    "Schrittmacher mit regelrecht liegenden Sonden.",
  ],
  impression: [
    "Kein akuter kardiopulmonaler Befund.",
    "Pneumonieverdacht; Verlaufskontrolle empfohlen.",
    "Kardiomegalie ohne Zeichen der Dekompensation.",
    "Zeichen der Stauung.",
    "Pneumothorax; der Zuweiser wird informiert.",
    "Rundherd; CT zur weiteren Abklärung empfohlen.",
    "Im Vergleich zur Voraufnahme unverändert.",
  ],
};

/** Up to `limit` sentences that start with what was typed, then those that contain its words. */
export function suggest(section: Section, typed: string, language: string, limit = 5): string[] {
  const query = typed.toLowerCase().trim();
  if (query.length < 2) return [];
  const all = language === "de" ? DE : EN;
  // The field's own sentences first; those of the other field serve as well.
  const stock = [...all[section], ...all[section === "findings" ? "impression" : "findings"]];
  const words = query.split(/\s+/);
  const starts = stock.filter((s) => s.toLowerCase().startsWith(query));
  const holds = stock.filter((s) => !starts.includes(s) && words.every((w) => s.toLowerCase().includes(w)));
  return [...starts, ...holds].filter((s) => s.toLowerCase() !== query).slice(0, limit);
}
