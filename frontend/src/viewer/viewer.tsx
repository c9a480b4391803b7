// The films: one or two panes, their tools, measures and the regions that sentences come from.

import { batch, effect, signal, useComputed, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Evidence, FilmInfo, Prior, Study } from "../api";
import * as cache from "../cache";
import { day, t, word, type TextKey } from "../i18n";
import { useKeys, type Bindings } from "../keys";
import { say } from "../state";
import { autoWindow, type Window } from "./film";
import { distance, movePoint, ratio, spell, type Measure } from "./measure";
import { Pane, type Point } from "./pane";

export type Tool = "window" | "distance" | "ratio";
/** A sentence's evidence with the film it lies on. */
export interface Region extends Evidence { text: string; film: string }

interface Slot { pane: Pane; prior: Prior | null }

/** What is shown; one per open study. */
export class Viewing {
  readonly slots = signal<Slot[]>([]);
  readonly active = signal(0);
  readonly tool = signal<Tool>("window");
  readonly magnifier = signal(false);
  readonly allRegions = signal(false);
  readonly measures = signal<Record<string, Measure[]>>({});
  /** The point of the active film's last measure that the arrow keys move. */
  readonly handle = signal(0);
  private readonly panes = new Map<string, Pane>();

  constructor(readonly study: Study) {
    const first = study.films.find((f) => f.projection === "frontal") ?? study.films[0];
    if (first) this.slots.value = [{ pane: this.pane(first), prior: null }];
  }

  private pane(info: FilmInfo): Pane {
    let pane = this.panes.get(info.id);
    if (!pane) {
      pane = new Pane(info);
      this.panes.set(info.id, pane);
      void pane.load(cache.film(info));
    }
    return pane;
  }

  get current(): Pane | null {
    return this.slots.value[Math.min(this.active.value, this.slots.value.length - 1)]?.pane ?? null;
  }

  /** Shows a film of the study in the active pane, unless some pane shows it already. */
  showFilm(id: string): void {
    const info = this.study.films.find((f) => f.id === id);
    if (!info) return;
    const shown = this.slots.value.findIndex((s) => s.pane.info.id === info.id);
    if (shown >= 0) {
      this.active.value = shown;
      return;
    }
    const slots = [...this.slots.value];
    const place = slots[this.active.value]?.prior ? slots.findIndex((s) => !s.prior) : this.active.value;
    slots[Math.max(0, place)] = { pane: this.pane(info), prior: null };
    this.slots.value = slots;
    this.active.value = Math.max(0, place);
  }

  nextFilm(): void {
    const films = this.study.films;
    if (films.length < 2) return say(t("one_film"));
    const here = films.findIndex((f) => f.id === this.current?.info.id);
    const slots = [...this.slots.value];
    const next = films[(here + 1) % films.length]!;
    const place = Math.min(this.active.value, slots.length - 1);
    if (slots.some((s) => s.pane.info.id === next.id)) this.active.value = slots.findIndex((s) => s.pane.info.id === next.id);
    else {
      slots[place] = { pane: this.pane(next), prior: null };
      this.slots.value = slots;
    }
  }

  sideBySide(): void {
    const [first, second] = this.slots.value;
    if (!first) return;
    if (second && !second.prior) {
      this.slots.value = [this.slots.value[Math.min(this.active.value, 1)]!];
      this.active.value = 0;
      return;
    }
    const other = this.study.films.find((f) => f.id !== first.pane.info.id && f.projection !== first.pane.info.projection)
      ?? this.study.films.find((f) => f.id !== first.pane.info.id);
    if (!other) return say(t("one_film"));
    this.slots.value = [first, { pane: this.pane(other), prior: null }];
  }

  /** Shows the next prior study beside the film, after the last one none; or the prior that is named. */
  showPrior(id?: string): void {
    const priors = this.study.priors.filter((p) => p.films.length > 0);
    if (priors.length === 0) return say(t("no_prior"));
    const [first, second] = this.slots.value;
    if (!first) return;
    const shown = second?.prior ? priors.findIndex((p) => p.id === second.prior!.id) : -1;
    const named = priors.find((p) => p.id === id && p.id !== second?.prior?.id);
    const next = id ? named : priors[shown + 1];
    if (!next) {
      this.slots.value = [first];
      this.active.value = 0;
      return;
    }
    const film = next.films.find((f) => f.projection === first.pane.info.projection) ?? next.films[0]!;
    this.slots.value = [first, { pane: this.pane(film), prior: next }];
  }

  presets(pane: Pane): { name: string; window: Window }[] {
    const film = pane.film.value;
    if (!film) return [];
    const auto = autoWindow(film);
    const sign = film.inverted ? -1 : 1;
    const base = pane.info.window ?? auto;
    const own = pane.info.presets
      .filter((p) => p.center !== base.center || p.width !== base.width)
      .slice(0, 2)
      .map((p) => ({ name: p.name, window: { center: p.center, width: p.width } }));
    return [
      { name: t("preset_default"), window: base },
      ...own,
      { name: t("preset_auto"), window: auto },
      { name: t("preset_lucent"), window: { center: auto.center - sign * auto.width * 0.18, width: auto.width * 0.6 } },
      { name: t("preset_dense"), window: { center: auto.center + sign * auto.width * 0.2, width: auto.width * 0.55 } },
      { name: t("preset_hard"), window: { center: auto.center, width: auto.width * 0.6 } },
      { name: t("preset_wide"), window: { center: (film.minimum + film.maximum + 1) / 2, width: film.maximum - film.minimum + 1 } },
    ].slice(0, 8);
  }

  preset(number: number): void {
    const pane = this.current;
    const chosen = pane && this.presets(pane)[number - 1];
    if (pane && chosen) pane.setWindow(chosen.window);
  }

  measuresOf(pane: Pane): Measure[] {
    return this.measures.value[pane.info.id] ?? [];
  }

  setMeasures(pane: Pane, value: Measure[]): void {
    this.measures.value = { ...this.measures.value, [pane.info.id]: value };
  }

  chooseTool(tool: Tool): void {
    this.tool.value = this.tool.value === tool ? "window" : tool;
    this.handle.value = 0;
  }

  /** By keys: Enter puts a measure into the middle, then goes round its ends. */
  enter(): boolean {
    const pane = this.current;
    const tool = this.tool.value;
    if (!pane || tool === "window") return false;
    const list = this.measuresOf(pane);
    const last = list.at(-1);
    if (last && last.kind === tool && last.points.length === (tool === "ratio" ? 4 : 2) && this.handle.value < last.points.length - 1) {
      this.handle.value += 1;
      return true;
    }
    const { columns: w, rows: h } = pane.info;
    const line = (share: number, y: number): [Point, Point] => [{ x: w * (0.5 - share / 2), y: h * y }, { x: w * (0.5 + share / 2), y: h * y }];
    const points = tool === "distance" ? line(0.2, 0.5) : [...line(0.4, 0.62), ...line(0.8, 0.68)];
    this.setMeasures(pane, [...list, { kind: tool, points } as unknown as Measure]);
    this.handle.value = 0;
    return true;
  }

  /** Arrow keys: the end of a measure while measuring, else the film. */
  arrow(dx: number, dy: number, far: boolean): void {
    const pane = this.current;
    if (!pane) return;
    const list = this.measuresOf(pane);
    const last = list.at(-1);
    if (this.tool.value !== "window" && last && this.handle.value < last.points.length) {
      const step = far ? 20 : 2;
      const p = last.points[this.handle.value]!;
      this.setMeasures(pane, [...list.slice(0, -1), movePoint(last, this.handle.value, { x: p.x + dx * step, y: p.y + dy * step })]);
    } else if (far) pane.level(dx * 12, -dy * 12);
    else pane.pan(-dx * 60, -dy * 60);
  }
}

/** One region for each box: sentences that share a box would else pile up their glow and hide the film. */
function distinct(regions: Region[]): Region[] {
  const seen = new Map<string, Region>();
  for (const region of regions) {
    const key = `${region.film} ${region.kind} ${region.box.join(" ")}`;
    const known = seen.get(key);
    seen.set(key, known && known.text !== region.text ? { ...known, text: `${known.text} ${region.text}` } : region);
  }
  return [...seen.values()];
}

/** The regions to draw on a film: those of the chosen sentence or finding with their glow, or the outlines of all. */
function Regions({ pane, regions, outlines }: { pane: Pane; regions: Region[]; outlines: boolean }) {
  const { scale, x, y } = pane.place.value;
  const r = pane.ratio.value;
  return (
    <>
      {regions.map((region, i) => {
        const [x0, y0, x1, y1] = region.box;
        const box = { x: (x0 * scale + x) * r, y: (y0 * scale + y) * r, width: Math.max(2, (x1 - x0) * scale * r), height: Math.max(2, (y1 - y0) * scale * r) };
        return (
          <g key={i} class={`region ${region.kind}`} data-kind={region.kind}>
            {!outlines && <rect {...box} rx="3" class="region-glow" fill={`url(#glow-${region.kind})`} />}
            <rect {...box} rx="3" class="region-line" />
            <title>{`${region.text} (${t(region.kind === "seen" ? "region_seen" : "region_searched")})`}</title>
          </g>
        );
      })}
    </>
  );
}

function Measures({ pane, viewing, active }: { pane: Pane; viewing: Viewing; active: boolean }) {
  const { scale, x, y } = pane.place.value;
  const r = pane.ratio.value;
  const at = (p: Point): Point => ({ x: (p.x * scale + x) * r, y: (p.y * scale + y) * r });
  const spacing = pane.info.spacing;
  const list = viewing.measuresOf(pane);
  return (
    <>
      {list.map((measure, m) => {
        const points = measure.points.map(at);
        const share = ratio(measure, spacing);
        const line = (i: number, name: string) => {
          const [a, b] = [points[i]!, points[i + 1]!];
          const length = spell(distance(measure.points[i]!, measure.points[i + 1]!, spacing));
          return (
            <g key={i}>
              <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} class="measure-shadow" />
              <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} class="measure-line" />
              <text x={(a.x + b.x) / 2} y={Math.min(a.y, b.y) - 7} class="measure-text">{name ? `${name} ${length}` : length}</text>
            </g>
          );
        };
        return (
          <g key={m} class="measure">
            {measure.kind === "distance" ? line(0, "") : line(0, t("heart"))}
            {measure.kind === "ratio" && points.length === 4 && line(2, t("thorax"))}
            {share !== null && (
              <text x={(points[2]!.x + points[3]!.x) / 2} y={Math.max(points[0]!.y, points[2]!.y) + 20} class="measure-text strong">{`${t("ratio")} ${share.toFixed(2)}`}</text>
            )}
            {points.map((p, i) => (
              <circle key={i} cx={p.x} cy={p.y} r={active && m === list.length - 1 && viewing.handle.value === i && viewing.tool.value !== "window" ? 6 : 4} class="measure-end" data-measure={m} data-point={i} />
            ))}
          </g>
        );
      })}
    </>
  );
}

function PaneView({ slot, index, viewing, regions }: { slot: Slot; index: number; viewing: Viewing; regions: Region[] }) {
  const { pane, prior } = slot;
  const canvas = useRef<HTMLCanvasElement>(null);
  const lens = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const drag = useRef<{ kind: "window" | "pan" | "zoom" | "point"; x: number; y: number; measure?: number; point?: number } | null>(null);

  useEffect(() => {
    pane.attach(canvas.current!, lens.current!);
    return () => pane.detach();
  }, [pane]);
  useEffect(() => effect(() => {
    if (!viewing.magnifier.value) pane.setLens(null);
    else if (viewing.current === pane && !pane.lens) pane.setLens({ x: canvas.current!.clientWidth / 2, y: canvas.current!.clientHeight / 2 });
  }), [pane]);
  useEffect(() => {
    // Listened to by hand because the wheel must not scroll the page, which passive listeners cannot prevent.
    const element = host.current!;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      viewing.active.value = index;
      pane.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), point(event));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [pane, index]);

  const point = (event: MouseEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  const down = (event: PointerEvent): void => {
    viewing.active.value = index;
    host.current!.focus({ preventScroll: true });
    host.current!.setPointerCapture(event.pointerId);
    const start = { x: event.clientX, y: event.clientY };
    const end = event.target as SVGElement;
    const tool = viewing.tool.value;
    if (event.button === 2) drag.current = { kind: "zoom", ...start };
    else if (event.button === 1 || event.shiftKey) drag.current = { kind: "pan", ...start };
    else if (end.dataset?.point !== undefined) drag.current = { kind: "point", ...start, measure: Number(end.dataset.measure), point: Number(end.dataset.point) };
    else if (tool === "window") drag.current = { kind: "window", ...start };
    else {
      const p = pane.toFilm(point(event));
      const list = viewing.measuresOf(pane);
      const last = list.at(-1);
      if (tool === "ratio" && last?.kind === "ratio" && last.points.length === 2) {
        viewing.setMeasures(pane, [...list.slice(0, -1), { kind: "ratio", points: [...last.points, p, p] } as unknown as Measure]);
        drag.current = { kind: "point", ...start, measure: list.length - 1, point: 3 };
      } else {
        viewing.setMeasures(pane, [...list, { kind: tool, points: [p, p] }]);
        drag.current = { kind: "point", ...start, measure: list.length, point: 1 };
      }
      viewing.handle.value = drag.current.point!;
    }
    event.preventDefault();
  };

  const move = (event: PointerEvent): void => {
    if (viewing.magnifier.value) pane.setLens(point(event));
    const d = drag.current;
    if (!d) return;
    const dx = event.clientX - d.x;
    const dy = event.clientY - d.y;
    d.x = event.clientX;
    d.y = event.clientY;
    if (d.kind === "window") pane.level(dx, -dy);
    else if (d.kind === "pan") pane.pan(dx, dy);
    else if (d.kind === "zoom") pane.zoom(Math.exp(-dy * 0.008));
    else {
      const list = viewing.measuresOf(pane);
      const p = pane.toFilm(point(event));
      viewing.setMeasures(pane, list.map((m, i) => (i === d.measure ? movePoint(m, d.point!, p) : m)));
      viewing.handle.value = d.point!;
    }
  };

  const up = (): void => {
    const d = drag.current;
    drag.current = null;
    if (d?.kind !== "point") return;
    // A click without a drag leaves no measure.
    const list = viewing.measuresOf(pane);
    const m = list[d.measure!];
    if (m && m.points.length === 2 && distance(m.points[0], m.points[1], null).value < 3) viewing.setMeasures(pane, list.filter((x) => x !== m));
  };

  const info = pane.info;
  const o = info.orientation;
  const w = pane.window.value;
  const fitToggle = (event: MouseEvent): void => (pane.fitted ? pane.full(point(event)) : pane.fit());
  const name = prior ? t("prior_of", day(prior.study_date)) : word("projection", info.projection);
  return (
    <div
      ref={host} class={`pane ${index === viewing.active.value ? "active" : ""} ${prior ? "prior" : ""} tool-${viewing.tool.value}`}
      tabIndex={0} role="application" aria-roledescription="film"
      aria-label={t("film_label", name, info.index + 1, viewing.study.films.length)}
      onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up}
      onContextMenu={(e) => e.preventDefault()} onDblClick={fitToggle} onFocus={() => (viewing.active.value = index)}
    >
      <canvas ref={canvas} class="film" data-film={info.id} />
      <svg class="overlay" aria-hidden="true">
        <defs>
          <radialGradient id="glow-seen"><stop offset="0%" class="glow-seen-in" /><stop offset="100%" class="glow-out" /></radialGradient>
          <radialGradient id="glow-searched"><stop offset="0%" class="glow-searched-in" /><stop offset="100%" class="glow-out" /></radialGradient>
        </defs>
        {!prior && <Regions pane={pane} outlines={viewing.allRegions.value} regions={regions.filter((region) => region.film === info.id)} />}
        <Measures pane={pane} viewing={viewing} active={index === viewing.active.value} />
      </svg>
      <canvas ref={lens} class="lens" hidden aria-hidden="true" />
      {!pane.film.value && <p class="pane-note">{pane.problem.value ? t("film_failed", pane.problem.value) : t("loading")}</p>}
      <div class="corner top-left"><strong>{name}</strong>{info.laterality ? ` ${info.laterality}` : ""}</div>
      {o ? (
        <>
          <span class="mark left">{o.left}</span><span class="mark right">{o.right}</span>
          <span class="mark top">{o.top}</span><span class="mark bottom">{o.bottom}</span>
        </>
      ) : <div class="corner top-right quiet">{t("no_orientation")}</div>}
      <div class="corner bottom-left">
        {pane.film.value && `C ${Math.round(w.center)}  W ${Math.round(w.width)}${pane.flipped.value ? `  ${t("tool_invert")}` : ""}`}
      </div>
      <div class="corner bottom-right">
        {Math.round(pane.place.value.scale * 100)} % · <span class={info.spacing ? "" : "warn"}>{info.spacing ? t("at_detector") : t("no_spacing")}</span>
      </div>
    </div>
  );
}

function ToolButton({ name, short, keys, pressed, disabled, act }: { name: TextKey; short?: TextKey; keys: string; pressed?: boolean; disabled?: boolean; act: () => void }) {
  return (
    <button type="button" class={`tool ${pressed ? "on" : ""}`} aria-pressed={pressed} disabled={disabled} title={`${t(name)} (${keys})`} onClick={act}>
      {t(short ?? name)}{short && <span class="sr"> {t(name)}</span>}<kbd>{keys}</kbd>
    </button>
  );
}

export function Viewer({ viewing, regions, all }: { viewing: Viewing; regions: Signal<Region[]>; all: Signal<Region[]> }) {
  const shown = useComputed(() => distinct(viewing.allRegions.value ? all.value : regions.value));
  const focusPane = (): void => document.querySelector<HTMLElement>(".pane.active")?.focus();
  const pane = (action: (p: Pane) => void) => () => {
    const p = viewing.current;
    if (p) action(p);
  };
  const keys = useMemo(() => {
    const bindings: Bindings = {
      i: pane((p) => p.invert()), f: pane((p) => p.fit()), o: pane((p) => p.full()),
      "+": pane((p) => p.zoom(1.25)), "=": pane((p) => p.zoom(1.25)), "-": pane((p) => p.zoom(0.8)),
      m: () => void (viewing.magnifier.value = !viewing.magnifier.value),
      d: () => viewing.chooseTool("distance"), h: () => viewing.chooseTool("ratio"),
      x: pane((p) => viewing.setMeasures(p, [])), s: () => viewing.sideBySide(), p: () => viewing.showPrior(),
      v: () => viewing.nextFilm(), b: () => void (viewing.allRegions.value = !viewing.allRegions.value),
      Enter: () => viewing.enter(),
      ArrowLeft: () => viewing.arrow(-1, 0, false), ArrowRight: () => viewing.arrow(1, 0, false),
      ArrowUp: () => viewing.arrow(0, -1, false), ArrowDown: () => viewing.arrow(0, 1, false),
      "shift+ArrowLeft": () => viewing.arrow(-1, 0, true), "shift+ArrowRight": () => viewing.arrow(1, 0, true),
      "shift+ArrowUp": () => viewing.arrow(0, -1, true), "shift+ArrowDown": () => viewing.arrow(0, 1, true),
      "alt+KeyV": focusPane,
    };
    for (let n = 1; n <= 6; n++) {
      bindings[String(n)] = () => viewing.preset(n);
      bindings[`alt+Digit${n}`] = () => viewing.preset(n);
    }
    return bindings;
  }, [viewing]);
  useKeys(keys);
  useEffect(() => effect(() => {
    // A region on a film that is not shown brings the film.
    const first = regions.value[0];
    if (!first) return;
    batch(() => viewing.showFilm(first.film));
    viewing.slots.peek().find((s) => s.pane.info.id === first.film && !s.prior)?.pane.reveal(first.box);
  }), [viewing]);
  const active = viewing.current;
  const presets = active ? viewing.presets(active) : [];
  const chosenPreset = active ? presets.findIndex((p) => p.window.center === active.window.value.center && p.window.width === active.window.value.width) : -1;
  return (
    <section class="viewer" aria-label={t("viewer")}>
      <div class="toolbar" role="toolbar" aria-label={t("viewer")}>
        <label class="preset">
          <span class="sr">{t("preset")}</span>
          <select
            value={String(chosenPreset)} title={`${t("preset")} (1 … 6)`}
            onChange={(e) => {
              viewing.preset(Number(e.currentTarget.value) + 1);
              focusPane();
            }}
          >
            {chosenPreset < 0 && <option value="-1">{t("tool_window")}</option>}
            {presets.map((p, i) => <option key={i} value={String(i)}>{`${i + 1}  ${p.name}`}</option>)}
          </select>
        </label>
        <ToolButton name="tool_invert" keys="I" pressed={active?.flipped.value ?? false} act={pane((p) => p.invert())} />
        <ToolButton name="tool_fit" keys="F" act={pane((p) => p.fit())} />
        <ToolButton name="tool_full" keys="O" act={pane((p) => p.full())} />
        <ToolButton name="tool_magnifier" keys="M" pressed={viewing.magnifier.value} act={() => (viewing.magnifier.value = !viewing.magnifier.value)} />
        <ToolButton name="tool_distance" keys="D" pressed={viewing.tool.value === "distance"} act={() => viewing.chooseTool("distance")} />
        <ToolButton name="tool_ratio" short="tool_ratio_short" keys="H" pressed={viewing.tool.value === "ratio"} act={() => viewing.chooseTool("ratio")} />
        <ToolButton name="tool_boxes" keys="B" pressed={viewing.allRegions.value} act={() => (viewing.allRegions.value = !viewing.allRegions.value)} />
        {viewing.study.films.length > 1 && <ToolButton name="tool_side" keys="S" pressed={viewing.slots.value.length > 1 && !viewing.slots.value[1]?.prior} act={() => viewing.sideBySide()} />}
        {viewing.study.priors.length > 0 && <ToolButton name="prior" keys="P" pressed={Boolean(viewing.slots.value[1]?.prior)} act={() => viewing.showPrior()} />}
        <ToolButton name="tool_clear" keys="X" disabled={!active || viewing.measuresOf(active).length === 0} act={pane((p) => viewing.setMeasures(p, []))} />
      </div>
      <div class={`panes n${viewing.slots.value.length}`}>
        {viewing.slots.value.map((slot, i) => (
          <PaneView key={`${i}-${slot.pane.info.id}`} slot={slot} index={i} viewing={viewing} regions={shown.value} />
        ))}
      </div>
      {viewing.study.films.length > 1 && (
        <div class="strip">
          {viewing.study.films.map((f) => (
            <button
              key={f.id} type="button" class={`thumb ${viewing.slots.value.some((s) => s.pane.info.id === f.id) ? "on" : ""}`}
              onClick={() => viewing.showFilm(f.id)} aria-label={t("film_label", word("projection", f.projection), f.index + 1, viewing.study.films.length)}
            >
              <img src={f.thumbnail} alt="" />
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
