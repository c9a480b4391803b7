// Measuring on a film: in millimetres at the detector where the header gives spacing, else in pixels, and the words say which.

import type { FilmInfo } from "../api";
import type { Point } from "./pane";

export type Measure =
  | { readonly kind: "distance"; readonly points: readonly [Point, Point] }
  /** Heart then thorax, each a horizontal line; the thorax is missing until it is drawn. */
  | { readonly kind: "ratio"; readonly points: readonly [Point, Point] | readonly [Point, Point, Point, Point] };

export type Spacing = FilmInfo["spacing"];

/** Length between two film points and its unit. */
export function distance(a: Point, b: Point, spacing: Spacing): { value: number; unit: "mm" | "px" } {
  if (!spacing) return { value: Math.hypot(a.x - b.x, a.y - b.y), unit: "px" };
  return { value: Math.hypot((a.x - b.x) * spacing.column, (a.y - b.y) * spacing.row), unit: "mm" };
}

export function spell(length: { value: number; unit: string }): string {
  return `${length.unit === "mm" ? length.value.toFixed(1) : Math.round(length.value)} ${length.unit}`;
}

/** Greatest transverse heart diameter over the inner diameter of the thorax (Danzer 1919). */
export function ratio(measure: Measure, spacing: Spacing): number | null {
  if (measure.kind !== "ratio" || measure.points.length !== 4) return null;
  const [a, b, c, d] = measure.points;
  const thorax = distance(c, d, spacing).value;
  return thorax > 0 ? distance(a, b, spacing).value / thorax : null;
}

/** A measure with one of its points moved; the lines of a ratio stay horizontal. */
export function movePoint(measure: Measure, index: number, to: Point): Measure {
  const points = measure.points.map((p, i) => {
    if (i === index) return to;
    if (measure.kind === "ratio" && Math.floor(i / 2) === Math.floor(index / 2)) return { x: p.x, y: to.y };
    return p;
  });
  return { kind: measure.kind, points } as unknown as Measure;
}
