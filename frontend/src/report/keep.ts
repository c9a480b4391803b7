// Unsaved text on this computer: written at each key, taken away when the server has it.

import { alive, tab } from "../tabs";

export interface Pending { save_id: string; base_version: number; findings: string; impression: string; seconds: number }
export interface Kept {
  base_version: number; findings: string; impression: string; at: string;
  /** A save that was sent and never answered: it goes first, under its own id, before anything newer. */
  pending: Pending | null;
}

const prefix = (user: string): string => `wetread:unsaved:${user}:`;
const key = (user: string, study: string, owner = tab): string => `${prefix(user)}${study}:${owner}`;

export function keep(user: string, study: string, kept: Kept): void {
  try {
    localStorage.setItem(key(user, study), JSON.stringify(kept));
  } catch {
    // Storage full or forbidden: the text is still in the field and on its way to the server.
  }
}

/** The tab whose unsaved text of this study a stored item is; null if it is none. */
export function ownerOf(name: string | null, user: string, study: string): string | null {
  return name?.startsWith(`${prefix(user)}${study}:`) ? name.split(":").at(-1)! : null;
}

export function drop(user: string, study: string, owner = tab): void {
  localStorage.removeItem(key(user, study, owner));
}

/** Unsaved text of this study: this tab's own, then that of tabs which are no more; and tabs that still have theirs. */
export async function orphans(user: string, study: string): Promise<{ found: { owner: string; kept: Kept }[]; writing: Set<string> }> {
  const living = await alive();
  const found: { owner: string; kept: Kept }[] = [];
  const writing = new Set<string>();
  for (let i = 0; i < localStorage.length; i++) {
    const name = localStorage.key(i)!;
    const owner = ownerOf(name, user, study);
    if (owner === null) continue;
    if (owner !== tab && living?.has(owner)) {
      writing.add(owner);
      continue;
    }
    try {
      found.push({ owner, kept: JSON.parse(localStorage.getItem(name) ?? "") as Kept });
    } catch {
      localStorage.removeItem(name);
    }
  }
  found.sort((a, b) => Number(b.owner === tab) - Number(a.owner === tab) || b.kept.at.localeCompare(a.kept.at));
  return { found, writing };
}

/** Studies of this user with text that has not reached the server. */
export function waiting(user: string): string[] {
  const studies = new Set<string>();
  for (let i = 0; i < localStorage.length; i++) {
    const name = localStorage.key(i)!;
    if (name.startsWith(prefix(user))) studies.add(name.slice(prefix(user).length).split(":")[0]!);
  }
  return [...studies];
}
