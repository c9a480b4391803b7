// Films and studies kept in memory, so that the next study is on the screen as soon as the last is signed.

import { get, pixels, type FilmInfo, type Study } from "./api";
import { makeFilm, type Film } from "./viewer/film";

/** Bytes of films kept: about a dozen large ones. */
const BUDGET = 256 * 2 ** 20;

const films = new Map<string, { film: Promise<Film>; bytes: number }>();
const studies = new Map<string, Promise<Study>>();
let leaving = new AbortController();

/** The film at full depth; asked for once, the longest unused given up first. */
export function film(info: FilmInfo): Promise<Film> {
  const known = films.get(info.pixels);
  if (known) {
    films.delete(info.pixels);
    films.set(info.pixels, known);
    return known.film;
  }
  const made = pixels(info.pixels, leaving.signal).then((values) => makeFilm(values, info.rows, info.columns, info.invert));
  made.catch(() => films.delete(info.pixels));
  films.set(info.pixels, { film: made, bytes: info.rows * info.columns * 3 });
  let sum = 0;
  for (const entry of films.values()) sum += entry.bytes;
  for (const [key, entry] of films) {
    if (sum <= BUDGET || key === info.pixels) break;
    films.delete(key);
    sum -= entry.bytes;
  }
  return made;
}

export function study(id: string): Promise<Study> {
  return get<Study>(`/api/studies/${encodeURIComponent(id)}`);
}

const ahead = (id: string): Promise<Study> =>
  get<Study>(`/api/studies/${encodeURIComponent(id)}?ahead=true`, leaving.signal);

/** Fetches the films of a study that may be opened; its words are fetched when it is. */
export async function warm(id: string): Promise<void> {
  await Promise.all((await ahead(id)).films.map(film));
}

/** Fetches a study and its films ahead of time. */
export async function prefetch(id: string): Promise<void> {
  const coming = ahead(id);
  coming.catch(() => studies.delete(id));
  studies.set(id, coming);
  await Promise.all((await coming).films.map(film));
}

/** The study that was fetched ahead, once; undefined where none was. */
export function takePrefetched(id: string): Promise<Study> | undefined {
  const found = studies.get(id);
  studies.delete(id);
  return found;
}

/** Nothing of a patient stays after logging out, nor is anything on its way that would then be refused. */
export function forget(): void {
  leaving.abort();
  leaving = new AbortController();
  films.clear();
  studies.clear();
}
