// Pixels to greys: the window (PS3.3 C.11.2.1.2.1), the look-up table, and a pyramid for views smaller than the film.
// Pure functions on typed arrays; the DOM is the viewer's business.

/** One film at full depth, as the server decoded it. */
export interface Film {
  readonly rows: number;
  readonly columns: number;
  /** rows × columns stored values. */
  readonly pixels: Uint16Array;
  /** MONOCHROME1: low values are bright. */
  readonly inverted: boolean;
  readonly minimum: number;
  readonly maximum: number;
  /** Halved copies, the film itself first; level k is 2^k times smaller. */
  readonly levels: readonly Level[];
}

export interface Level {
  readonly rows: number;
  readonly columns: number;
  readonly pixels: Uint16Array;
}

/** A linear window in stored values. */
export interface Window {
  readonly center: number;
  readonly width: number;
}

/** Where the film lies on the canvas: canvas = film × scale + offset, in device pixels. */
export interface Placement {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export function makeFilm(pixels: Uint16Array, rows: number, columns: number, inverted: boolean): Film {
  if (pixels.length !== rows * columns) throw new Error(`${pixels.length} pixels for ${rows} × ${columns}`);
  let minimum = 65535;
  let maximum = 0;
  for (let i = 0; i < pixels.length; i++) {
    const v = pixels[i]!;
    if (v < minimum) minimum = v;
    if (v > maximum) maximum = v;
  }
  const levels: Level[] = [{ rows, columns, pixels }];
  while (levels.length < 5 && Math.min(levels.at(-1)!.rows, levels.at(-1)!.columns) > 256) levels.push(halve(levels.at(-1)!));
  return { rows, columns, pixels, inverted, minimum, maximum, levels };
}

/** Mean of each 2 × 2 block; an odd last row or column is dropped. */
export function halve(level: Level): Level {
  const rows = level.rows >> 1;
  const columns = level.columns >> 1;
  const pixels = new Uint16Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    let a = 2 * r * level.columns;
    let b = a + level.columns;
    const end = (r + 1) * columns;
    for (let o = r * columns; o < end; o++, a += 2, b += 2) {
      pixels[o] = (level.pixels[a]! + level.pixels[a + 1]! + level.pixels[b]! + level.pixels[b + 1]! + 2) >> 2;
    }
  }
  return { rows, columns, pixels };
}

/** The 1st to 99th percentile of the film's middle nine tenths, for films whose header names no window. */
export function autoWindow(film: Film): Window {
  const level = film.levels.at(-1)!;
  const top = Math.round(level.rows * 0.05);
  const left = Math.round(level.columns * 0.05);
  const counts = new Uint32Array(65536);
  let n = 0;
  for (let r = top; r < level.rows - top; r++) {
    for (let c = left; c < level.columns - left; c++) {
      const v = level.pixels[r * level.columns + c]!;
      counts[v] = counts[v]! + 1;
      n++;
    }
  }
  const at = (share: number): number => {
    let sum = 0;
    for (let v = 0; v < 65536; v++) {
      sum += counts[v]!;
      if (sum >= share * n) return v;
    }
    return film.maximum;
  };
  const low = at(0.01);
  const high = Math.max(at(0.99), low + 1);
  return { center: (low + high) / 2, width: high - low + 1 };
}

/** Grey of one stored value, 0 to 255: the linear function of PS3.3 C.11.2.1.2.1, turned round when `inverted`. */
export function grey(value: number, window: Window, inverted: boolean): number {
  const width = Math.max(window.width, 1);
  const middle = window.center - 0.5;
  const half = (width - 1) / 2;
  const y = value <= middle - half ? 0 : value > middle + half ? 1 : (value - middle) / (width - 1) + 0.5;
  const level = Math.round(y * 255);
  return inverted ? 255 - level : level;
}

/** Fills `lut` (65,536 entries) with opaque little-endian RGBA words. */
export function fillLut(lut: Uint32Array, film: Film, window: Window, flipped: boolean): void {
  const inverted = film.inverted !== flipped;
  for (let v = film.minimum; v <= film.maximum; v++) {
    const g = grey(v, window, inverted);
    lut[v] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
}

/** The level to sample from at a scale: the smallest that still has a pixel for each canvas pixel. */
export function levelFor(film: Film, scale: number): number {
  return Math.max(0, Math.min(film.levels.length - 1, Math.floor(Math.log2(1 / scale) + 1e-6)));
}


/**
 * Samples the film into a view of width × height canvas pixels as stored values; `inside` receives [x0, y0, x1, y1), the
 * part of the canvas that the film covers. Bilinear; nearest at whole enlargements, where a pixel should look like one.
 */
export function sample(film: Film, place: Placement, width: number, height: number, out: Uint16Array): [number, number, number, number] {
  const k = levelFor(film, place.scale);
  const { rows, columns, pixels } = film.levels[k]!;
  const step = 1 / (place.scale * 2 ** k);
  const x0 = Math.max(0, Math.ceil(place.x - 0.5));
  const y0 = Math.max(0, Math.ceil(place.y - 0.5));
  const x1 = Math.min(width, Math.ceil(place.x + film.columns * place.scale - 0.5));
  const y1 = Math.min(height, Math.ceil(place.y + film.rows * place.scale - 0.5));
  if (x1 <= x0 || y1 <= y0) return [0, 0, 0, 0];
  const nearest = Number.isInteger(place.scale) && place.scale !== 0;
  const left = new Int32Array(x1 - x0);
  const weight = new Int32Array(x1 - x0);
  for (let x = x0; x < x1; x++) {
    const f = (x + 0.5 - place.x) * step - (nearest ? 0 : 0.5);
    const whole = Math.floor(f);
    left[x - x0] = Math.max(0, Math.min(columns - 1, whole));
    weight[x - x0] = whole < 0 || whole >= columns - 1 ? 0 : Math.round((f - whole) * 256);
  }
  for (let y = y0; y < y1; y++) {
    const f = (y + 0.5 - place.y) * step - (nearest ? 0 : 0.5);
    const whole = Math.floor(f);
    const row = Math.max(0, Math.min(rows - 1, whole)) * columns;
    const below = whole < 0 || whole >= rows - 1 ? 0 : columns;
    const wy = Math.round((f - whole) * 256);
    let o = y * width + x0;
    if (place.scale === 1 && k === 0 && Number.isInteger(place.x)) {
      out.set(pixels.subarray(row + left[0]!, row + left[0]! + left.length), o);
      continue;
    }
    if (nearest) {
      for (let i = 0; i < left.length; i++) out[o++] = pixels[row + left[i]!]!;
      continue;
    }
    for (let i = 0; i < left.length; i++) {
      const a = row + left[i]!;
      const w = weight[i]!;
      const right = w === 0 ? a : a + 1;
      const upper = pixels[a]! * (256 - w) + pixels[right]! * w;
      const lower = pixels[a + below]! * (256 - w) + pixels[right + below]! * w;
      out[o++] = (upper * (256 - wy) + lower * wy) / 65536;
    }
  }
  return [x0, y0, x1, y1];
}

/** Turns the sampled view into RGBA words through the table; outside the film stays black. */
export function paint(view: Uint16Array, inside: readonly number[], width: number, lut: Uint32Array, words: Uint32Array): void {
  const [x0, y0, x1, y1] = inside as [number, number, number, number];
  for (let y = y0; y < y1; y++) {
    const end = y * width + x1;
    for (let o = y * width + x0; o < end; o++) words[o] = lut[view[o]!]!;
  }
}
