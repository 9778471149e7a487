/** A change and its interval against the limits, as a small inline SVG. */
import type { Compared } from './compare.ts';
import { changeOf } from './text.ts';

/** In units of the drawing. */
const [WIDTH, HEIGHT] = [380, 26];
const MIDDLE = HEIGHT / 2;

/** Ends of the bar, in changes that fail: so the limits of all signals that fail are below one another. What is beyond has an arrow. */
const REACH = 2;

/** Limits as people write them, with the sign of what is worse. */
export function limitText({ limits, as }: Pick<Compared, 'limits' | 'as'>): { readonly warn: string; readonly fail: string } {
  const of = (size: number): string => {
    const text = `${Number((100 * size).toFixed(as === 'share' ? 1 : 3))} ${as === 'share' ? '%' : 'points'}`;
    return `${limits.worse === 'higher' ? '+' : '-'}${text}`;
  };
  return { warn: of(limits.warn), fail: of(limits.fail) };
}

/** Empty where nothing is known. */
export function intervalBar(one: Pick<Compared, 'change' | 'limits' | 'as'>): string {
  const { change, limits } = one;
  if (change === null) return '';
  const side = limits.worse === 'higher' ? 1 : -1;
  const { warn, fail } = limitText(one);
  const said =
    `Change ${changeOf(change.value, one)}, 95 % interval ${changeOf(change.lo, one)} to ${changeOf(change.hi, one)}; ` +
    `warning from ${warn}, fails from ${fail}`;
  const x = (value: number): number => at(value / limits.fail);
  return [
    `<svg class="bar" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${said}">`,
    `<rect class="ground" x="0" y="4" width="${WIDTH}" height="${HEIGHT - 8}"/>`,
    zone('warn', at((side * limits.warn) / limits.fail), at(side)),
    zone('fail', at(side), at(side * REACH)),
    `<line class="axis" x1="${at(0)}" x2="${at(0)}" y1="0" y2="${HEIGHT}"/>`,
    `<line class="interval" x1="${x(change.lo)}" x2="${x(change.hi)}" y1="${MIDDLE}" y2="${MIDDLE}"/>`,
    change.lo / limits.fail < -REACH ? arrow(0, 1) : '',
    change.hi / limits.fail > REACH ? arrow(WIDTH, -1) : '',
    Math.abs(change.value / limits.fail) > REACH ? '' : `<circle class="dot" cx="${x(change.value)}" cy="${MIDDLE}" r="5"/>`,
    '</svg>',
  ].join('');
}

function zone(name: 'warn' | 'fail', from: number, to: number): string {
  return `<rect class="${name}" x="${Math.min(from, to)}" y="4" width="${round(Math.abs(to - from))}" height="${HEIGHT - 8}"/>`;
}

function arrow(tip: number, inward: 1 | -1): string {
  const back = tip + inward * 10;
  return `<path class="beyond" d="M${tip} ${MIDDLE}L${back} ${MIDDLE - 7}V${MIDDLE + 7}Z"/>`;
}

/** @param value in changes that fail */
function at(value: number): number {
  return round((WIDTH * (Math.max(-REACH, Math.min(REACH, value)) + REACH)) / (2 * REACH));
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
