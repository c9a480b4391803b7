// What a department head asks: do the drafts help, where do they fail, and does it change over the weeks.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, type Statistics } from "../api";
import { label, percent, seconds, t, type TextKey } from "../i18n";
import { helpKeys, useKeys } from "../keys";
import { complain } from "../state";

function Figure({ text, value, note }: { text: string; value: string; note?: string }) {
  return <div class="figure"><span>{text}</span><b>{value}</b>{note && <small>{note}</small>}</div>;
}

/** Kept, edited and dropped sentences as parts of one bar. */
function Parts({ parts }: { parts: { class: string; value: number }[] }) {
  const sum = parts.reduce((s, p) => s + p.value, 0) || 1;
  let x = 0;
  return (
    <svg class="parts" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      {parts.map((p) => {
        const rect = <rect key={p.class} class={`part-${p.class}`} x={x} width={(100 * p.value) / sum} height="10" />;
        x += (100 * p.value) / sum;
        return rect;
      })}
    </svg>
  );
}

function Line({ title, weeks, value, top, show }: {
  title: string; weeks: Statistics["weeks"]; value: (w: Statistics["weeks"][number]) => number | null; top?: number; show: (v: number) => string;
}) {
  const points = weeks.map((w, i) => ({ i, week: w.week, v: value(w) })).filter((p): p is { i: number; week: string; v: number } => p.v !== null);
  const max = top ?? Math.max(1e-9, ...points.map((p) => p.v)) * 1.15;
  const x = (i: number): number => 14 + (weeks.length < 2 ? 136 : (272 * i) / (weeks.length - 1));
  const y = (v: number): number => 84 - 70 * (v / max);
  const last = points.at(-1);
  return (
    <figure class="chart">
      <figcaption>{title}{last && <b>{show(last.v)}</b>}</figcaption>
      <svg viewBox="0 0 300 104" role="img" aria-label={`${title}: ${points.map((p) => `${p.week} ${show(p.v)}`).join(", ")}`}>
        {[0, 0.5, 1].map((s) => <line key={s} class="grid" x1="14" x2="286" y1={y(max * s)} y2={y(max * s)} />)}
        <polyline class="trend" points={points.map((p) => `${x(p.i)},${y(p.v)}`).join(" ")} />
        {points.map((p) => <circle key={p.i} class="dot" cx={x(p.i)} cy={y(p.v)} r="3"><title>{`${p.week}: ${show(p.v)}`}</title></circle>)}
        {weeks.length > 0 && <text class="axis" x="14" y="100">{weeks[0]!.week}</text>}
        {weeks.length > 1 && <text class="axis end" x="286" y="100">{weeks.at(-1)!.week}</text>}
      </svg>
    </figure>
  );
}

function Table({ title, head, rows }: { title: string; head: TextKey[]; rows: (string | number | preact.ComponentChild)[][] }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      <div class="table-wrap" tabIndex={0} role="region" aria-label={title}>
        <table class="numbers">
          <thead><tr>{head.map((h) => <th key={h} scope="col">{t(h)}</th>)}</tr></thead>
          <tbody>{rows.map((r, i) => <tr key={i}>{r.map((c, j) => (j === 0 ? <th key={j} scope="row">{c}</th> : <td key={j}>{c}</td>))}</tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

export function StatisticsPage() {
  const range = useSignal({ start: "", end: "", reader: "" });
  const data = useSignal<Statistics | null>(null);
  const names = useSignal<{ user_id: string; name: string }[]>([]);
  const asked = new URLSearchParams(Object.entries(range.value).filter(([, v]) => v)).toString();
  useKeys(helpKeys);
  useEffect(() => {
    get<Statistics>(`/api/statistics?${asked}`).then((d) => {
      data.value = d;
      if (!range.value.reader) names.value = d.readers;
    }).catch(complain);
  }, [asked]);
  const d = data.value;
  return (
    <main class="page statistics">
      <div class="list-head">
        <h1>{t("statistics")}</h1>
        <label class="inline">{t("from")} <input type="date" value={range.value.start} onChange={(e) => (range.value = { ...range.value, start: e.currentTarget.value })} /></label>
        <label class="inline">{t("to")} <input type="date" value={range.value.end} onChange={(e) => (range.value = { ...range.value, end: e.currentTarget.value })} /></label>
        <label class="inline">{t("reader")} <select value={range.value.reader} onChange={(e) => (range.value = { ...range.value, reader: e.currentTarget.value })}>
          <option value="">{t("department")}</option>
          {names.value.map((r) => <option key={r.user_id} value={r.user_id}>{r.name}</option>)}
        </select></label>
        <span class="grow" />
        <a class="button" href={`/api/statistics.csv?${asked}`} download="wetread-statistics.csv">{t("export_csv")}</a>
      </div>
      {!d && <p class="quiet-text">{t("loading")}</p>}
      {d?.empty && <p class="empty">{t("stats_empty")}</p>}
      {d && !d.empty && (
        <>
          <div class="figures">
            <Figure text={t("cases")} value={String(d.cases)} />
            <Figure text={t("acceptance")} value={percent(d.sentences.acceptance)} note={`${d.sentences.kept} ${t("kept")} · ${d.sentences.edited} ${t("edited")} · ${d.sentences.dropped} ${t("dropped").split(" ")[0]!.toLowerCase()} · ${d.sentences.typed} ${t("typed")}`} />
            <Figure text={t("time_per_case")} value={seconds(d.seconds.median)} note={t("quartiles", seconds(d.seconds.p25), seconds(d.seconds.p75))} />
            <Figure text={t("words_changed")} value={d.edit_distance.median_words === null ? "–" : String(Math.round(d.edit_distance.median_words * 10) / 10)} note={percent(d.edit_distance.median_share)} />
          </div>
          <section class="card">
            <h2>{t("over_weeks")}</h2>
            <div class="charts">
              <Line title={t("acceptance")} weeks={d.weeks} value={(w) => w.acceptance} top={1} show={percent} />
              <Line title={t("time_per_case")} weeks={d.weeks} value={(w) => w.median_seconds} show={seconds} />
              <Line title={t("words_changed")} weeks={d.weeks} value={(w) => w.median_words} show={(v) => String(Math.round(v * 10) / 10)} />
              <Line title={t("agreement")} weeks={d.weeks} value={(w) => w.agreement} top={1} show={percent} />
            </div>
          </section>
          <div class="side">
            <Table title={t("per_kind")} head={["what", "model", "kept", "edited", "parts", "accepted"]} rows={d.kinds.map((k) => [
              `${label(k.kind)} (${t(k.section === "impression" ? "impression" : "findings")})`, k.machine, k.kept, k.edited,
              <Parts key="p" parts={[{ class: "kept", value: k.kept }, { class: "edited", value: k.edited }, { class: "dropped", value: k.dropped }]} />, percent(k.acceptance),
            ])} />
            <Table title={t("per_finding")} head={["what", "both_say", "model_only", "reader_only", "neither", "decided", "agreement", "kappa"]} rows={d.findings.map((f) => [
              label(f.label), f.both, f.model_only, f.reader_only, f.neither, f.decided, percent(f.agreement), f.kappa === null ? "–" : f.kappa.toFixed(2).replace("-0.00", "0.00"),
            ])} />
          </div>
          <Table title={t("per_reader")} head={["name", "cases", "median_time", "acceptance"]} rows={d.readers.map((r) => [r.name, r.cases, seconds(r.median_seconds), percent(r.acceptance)])} />
          <p class="quiet-text">{t("recomputable")}</p>
        </>
      )}
    </main>
  );
}
