// One film on one canvas: where it lies, its window, and a frame drawn when something changed.
// A window change only runs the sampled view through a new table; a move samples again.

import { signal } from "@preact/signals";
import type { FilmInfo } from "../api";
import { autoWindow, fillLut, paint, sample, type Film, type Placement, type Window } from "./film";

export interface Point { x: number; y: number }

/** Frames kept in the browser's own timeline ("wetread:window", "wetread:move") for measuring. */
const TIMELINE = 400;
const LENS_ZOOM = 2.5;

export class Pane {
  readonly film = signal<Film | null>(null);
  readonly problem = signal("");
  readonly window = signal<Window>({ center: 0, width: 1 });
  readonly flipped = signal(false);
  /** Film to canvas, in device pixels. */
  readonly place = signal<Placement>({ scale: 1, x: 0, y: 0 });
  /** CSS pixels a device pixel. */
  readonly ratio = signal(1);
  fitted = true;
  /** Where the lens is, in CSS pixels of the canvas; null when it is off. */
  lens: Point | null = null;

  private canvas: HTMLCanvasElement | null = null;
  private lensCanvas: HTMLCanvasElement | null = null;
  private context: CanvasRenderingContext2D | null = null;
  private image: ImageData | null = null;
  private words = new Uint32Array(0);
  private view = new Uint16Array(0);
  private inside: readonly number[] = [0, 0, 0, 0];
  private readonly lut = new Uint32Array(65536);
  private moved = true;
  private asked = 0;
  private frames = 0;
  private observer: ResizeObserver | null = null;

  constructor(readonly info: FilmInfo) {}

  attach(canvas: HTMLCanvasElement, lens: HTMLCanvasElement): void {
    this.canvas = canvas;
    this.lensCanvas = lens;
    this.context = canvas.getContext("2d", { alpha: false });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.resize();
  }

  detach(): void {
    this.observer?.disconnect();
    cancelAnimationFrame(this.asked);
    this.asked = 0;
    this.canvas = null;
  }

  async load(coming: Promise<Film>): Promise<void> {
    try {
      const film = await coming;
      this.film.value = film;
      this.window.value = this.info.window ?? autoWindow(film);
      this.moved = true;
      if (this.fitted) this.fit();
      this.draw();
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  private resize(): void {
    const canvas = this.canvas;
    if (!canvas) return;
    const dpr = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(canvas.clientWidth * dpr));
    const height = Math.max(1, Math.round(canvas.clientHeight * dpr));
    this.ratio.value = 1 / dpr;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      const { scale, x, y } = this.place.peek();
      const before = { width: canvas.width, height: canvas.height };
      canvas.width = width;
      canvas.height = height;
      this.image = new ImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
      this.view = new Uint16Array(width * height);
      if (!this.fitted) this.place.value = { scale, x: x + (width - before.width) / 2, y: y + (height - before.height) / 2 };
    }
    if (this.fitted) this.fit();
    this.moved = true;
    this.draw();
  }

  get size(): { width: number; height: number } {
    return { width: this.canvas?.width ?? 1, height: this.canvas?.height ?? 1 };
  }

  fit(): void {
    const { width, height } = this.size;
    const scale = Math.min(width / this.info.columns, height / this.info.rows);
    this.place.value = { scale, x: (width - this.info.columns * scale) / 2, y: (height - this.info.rows * scale) / 2 };
    this.fitted = true;
    this.moved = true;
    this.draw();
  }

  /** One film pixel per screen pixel, about a point of the canvas (CSS pixels) or its middle. */
  full(about?: Point): void {
    this.zoomTo(1, about);
    const { scale, x, y } = this.place.peek();
    this.place.value = { scale, x: Math.round(x), y: Math.round(y) };
    this.moved = true;
    this.draw();
  }

  zoomTo(scale: number, about?: Point): void {
    const { width, height } = this.size;
    const old = this.place.peek();
    const px = about ? about.x / this.ratio.peek() : width / 2;
    const py = about ? about.y / this.ratio.peek() : height / 2;
    const least = 0.5 * Math.min(width / this.info.columns, height / this.info.rows);
    const next = Math.max(Math.min(least, 1), Math.min(16, scale));
    this.place.value = { scale: next, x: px - ((px - old.x) * next) / old.scale, y: py - ((py - old.y) * next) / old.scale };
    this.fitted = false;
    this.moved = true;
    this.draw();
  }

  zoom(factor: number, about?: Point): void {
    this.zoomTo(this.place.peek().scale * factor, about);
  }

  /** Moves the film by CSS pixels. */
  pan(dx: number, dy: number): void {
    const { scale, x, y } = this.place.peek();
    const r = this.ratio.peek();
    this.place.value = { scale, x: x + dx / r, y: y + dy / r };
    this.fitted = false;
    this.moved = true;
    this.draw();
  }

  /** Changes the window by steps; a step of 1 is a pixel of a drag. */
  level(dWidth: number, dCenter: number): void {
    const film = this.film.peek();
    if (!film) return;
    const { center, width } = this.window.peek();
    const step = Math.max((film.maximum - film.minimum) / 1500, width / 400);
    this.setWindow({ center: center + dCenter * step * (film.inverted ? -1 : 1), width: Math.max(2, width + dWidth * step) });
  }

  setWindow(value: Window): void {
    this.window.value = value;
    this.draw();
  }

  invert(): void {
    this.flipped.value = !this.flipped.peek();
    this.draw();
  }

  /** Film pixel under a point of the canvas in CSS pixels. */
  toFilm(point: Point): Point {
    const { scale, x, y } = this.place.peek();
    const r = this.ratio.peek();
    return { x: (point.x / r - x) / scale, y: (point.y / r - y) / scale };
  }

  setLens(point: Point | null): void {
    this.lens = point;
    this.draw();
  }

  /** Brings a box into sight when it is out of it. */
  reveal(box: readonly [number, number, number, number]): void {
    const { width, height } = this.size;
    const { scale, x, y } = this.place.peek();
    const left = box[0] * scale + x;
    const right = box[2] * scale + x;
    const top = box[1] * scale + y;
    const bottom = box[3] * scale + y;
    if (left >= 0 && top >= 0 && right <= width && bottom <= height) return;
    this.place.value = { scale, x: x + width / 2 - (left + right) / 2, y: y + height / 2 - (top + bottom) / 2 };
    this.fitted = false;
    this.moved = true;
    this.draw();
  }

  draw(): void {
    if (!this.asked && this.canvas) this.asked = requestAnimationFrame(() => this.frame());
  }

  private frame(): void {
    this.asked = 0;
    const film = this.film.peek();
    if (!film || !this.context || !this.image) return;
    const begin = performance.now();
    const name = this.moved ? "wetread:move" : "wetread:window";
    const { width, height } = this.image;
    if (this.moved) {
      this.words.fill(0xff000000);
      this.inside = sample(film, this.place.peek(), width, height, this.view);
      this.moved = false;
    }
    fillLut(this.lut, film, this.window.peek(), this.flipped.peek());
    paint(this.view, this.inside, width, this.lut, this.words);
    this.context.putImageData(this.image, 0, 0);
    this.frameLens(film);
    if (++this.frames % TIMELINE === 0) {
      performance.clearMeasures("wetread:move");
      performance.clearMeasures("wetread:window");
    }
    performance.measure(name, { start: begin, end: performance.now() });
  }

  private frameLens(film: Film): void {
    const lens = this.lensCanvas;
    if (!lens) return;
    lens.hidden = !this.lens;
    if (!this.lens) return;
    const r = this.ratio.peek();
    const side = Math.round(lens.clientWidth / r) || 1;
    if (lens.width !== side) {
      lens.width = side;
      lens.height = side;
    }
    const at = this.toFilm(this.lens);
    const scale = Math.max(LENS_ZOOM * this.place.peek().scale, 1);
    const image = new ImageData(side, side);
    const words = new Uint32Array(image.data.buffer).fill(0xff000000);
    const view = new Uint16Array(side * side);
    const inside = sample(film, { scale, x: side / 2 - at.x * scale, y: side / 2 - at.y * scale }, side, side, view);
    paint(view, inside, side, this.lut, words);
    lens.getContext("2d")!.putImageData(image, 0, 0);
    lens.style.left = `${this.lens.x - lens.clientWidth / 2}px`;
    lens.style.top = `${this.lens.y - lens.clientHeight / 2}px`;
  }
}
