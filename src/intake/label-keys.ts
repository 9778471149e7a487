/** Labels as a text, by which series are told apart: the same for the same labels, however they are ordered. */
import { hash } from 'node:crypto';

type Labels = Readonly<Record<string, string>>;

/** In no name or label. */
const BETWEEN = '\0';

/** Letters of a key that is remembered as it is; of a longer one its digest of 44. */
const SHORT = 56;

/** Letters of the key of a series. */
const KEY_MAX = 100;

interface Keys {
  readonly full: string;
  readonly short: string;
}

/** Of labels that many points share. */
const cached = new WeakMap<Labels, Keys>();

export function cacheKeys(labels: Labels): void {
  const full = made(labels);
  cached.set(labels, { full, short: shortened(full) });
}

export function labelKey(labels: Labels): string {
  return cached.get(labels)?.full ?? made(labels);
}

/** Of a series, and no longer than 100 letters. */
export function seriesKey(name: string, labels: Labels): string {
  const key = `${name}${BETWEEN}${cached.get(labels)?.short ?? shortened(made(labels))}`;
  return key.length > KEY_MAX ? hash('sha256', key, 'base64') : key;
}

function shortened(key: string): string {
  return key.length > SHORT ? hash('sha256', key, 'base64') : key;
}

/** Joined and not added up: what is added up keeps every part of it in memory. */
function made(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  const parts: string[] = [];
  for (const name of names) parts.push(name, labels[name]!);
  return parts.join(BETWEEN);
}
