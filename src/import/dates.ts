/** Dates as people, exporters and spreadsheets write them, in seconds since the epoch. */
import { parseRfc3339 } from '../clock.ts';

/** The day by year, month and day; of other orders, the year stands last. */
const DAY = String.raw`(\d{4})[-/](\d\d?)[-/](\d\d?)`;
const CLOCK = String.raw`(\d\d?):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s*([AaPp][Mm])?`;
const ZONE = String.raw`Z|z|UTC|GMT|[+-]\d\d:?\d\d`;
const DATED = new RegExp(`^${DAY}(?:(?:[T ]|, ?)${CLOCK})?\\s*(${ZONE})?$`);

/** In Central Europe; nobody writes months first with points. */
const DOTTED = /^(\d\d?)\.(\d\d?)\.(\d{4})(?=\D|$)/;

/** Months first or days first: only a number above twelve tells. */
const SLASHED = /^(\d\d?)\/(\d\d?)\/(\d{4})(?=\D|$)/;

/** `20251009`, `202510090853`, `20251009T085320Z`: databases and file names; the first two look like numbers. */
const COMPACT = /^((?:19|20)\d\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(?=Z?$)/;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAY = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +/i;
/** `09/Oct/2025:08:53`, `Oct 9, 2025 08:53`, `Oct  9 08:53:20 UTC 2025`: logs, mails, panels and `date`. */
const NAMED = [
  /^(?<day>\d\d?)[-/ ](?<month>[a-z]{3})[a-z]*[-/ ](?<year>\d{4})(?:[:, T]+(?<clock>\d.*))?$/i,
  /^(?<month>[a-z]{3})[a-z]* +(?<day>\d\d?),? +(?<year>\d{4})(?:[,T ]+(?<clock>\d.*))?$/i,
  /^(?<month>[a-z]{3}) +(?<day>\d\d?) +(?<clock>\d\d:\d\d:\d\d(?: UTC| GMT)?) +(?<year>\d{4})$/i,
];

/** With the month as a number, or as it is. */
function numbered(cell: string): string {
  const bare = cell.replace(WEEKDAY, '');
  const { year, month = '', day, clock = '' } = NAMED.map((form) => form.exec(bare)).find((found) => found !== null)?.groups ?? {};
  const index = MONTHS.indexOf(month.toLowerCase());
  return index < 0 ? cell : `${year}-${index + 1}-${day} ${clock}`.trim();
}

/** Whether figures are dates: a year that may be a number of anything needs a name that says so. */
export function areCompact(name: string, cells: readonly string[]): boolean {
  return cells.every((cell) => COMPACT.test(cell) && (cell.length > 8 || DATE_NAME.test(name)) && !Number.isNaN(readDate(cell)));
}

/** Of a column with days. */
export const DATE_NAME = /date|day/i;

/** Seconds since the epoch, or NaN. */
export function readDate(cell: string): number {
  const plain = cell.trim().replace(DOTTED, '$3-$2-$1').replace(COMPACT, withSigns);
  const [, year, month = '', day = '', hour = '0', minute = '00', second = '00', half, zone = 'Z'] = DATED.exec(numbered(plain)) ?? [];
  if (year === undefined) return NaN;
  const two = (text: string | number): string => String(text).padStart(2, '0');
  const hours = half === undefined ? hour : twelve(Number(hour), half);
  const offset = /^[zUG]/.test(zone) ? 'Z' : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  return parseRfc3339(`${year}-${two(month)}-${two(day)}T${two(hours)}:${minute}:${second.replace(',', '.')}${offset}`) ?? NaN;
}

function withSigns(_: string, year: string, month: string, day: string, hour?: string, minute?: string, second = '00'): string {
  return `${year}-${month}-${day}${hour === undefined ? '' : `T${hour}:${minute}:${second}`}`;
}

/** Twelve is the first hour of either half. */
function twelve(hour: number, half: string): number {
  return (hour % 12) + (/p/i.test(half) ? 12 : 0);
}

/** How to read dates with slashes, as the sample decides it; `unknown` when no number in it is above twelve, null when it has none. */
export function slashesOf(sample: readonly string[]): ((cell: string) => number) | 'unknown' | null {
  const parts = sample.flatMap((cell) => {
    const found = SLASHED.exec(cell.trim());
    return found === null ? [] : [[Number(found[1]), Number(found[2])] as const];
  });
  if (parts.length === 0) return null;
  const daysFirst = parts.some(([first]) => first > 12);
  if (daysFirst === parts.some(([, second]) => second > 12)) return 'unknown';
  return daysFirst ? (cell) => readDate(cell.trim().replace(SLASHED, '$3-$2-$1')) : readMonthsFirst;
}

export function readMonthsFirst(cell: string): number {
  return readDate(cell.trim().replace(SLASHED, '$3-$1-$2'));
}

const TIME_OF_DAY = /^(\d+):(\d\d):(\d\d(?:[.,]\d+)?)\s*([AaPp][Mm])?$/;

/** Seconds of `8:53:20`, which is a time of some day or since some start; NaN for anything else. */
export function readClock(cell: string): number {
  const [, hour, minute = '', second = '', half] = TIME_OF_DAY.exec(cell.trim()) ?? [];
  if (hour === undefined) return NaN;
  return (half === undefined ? Number(hour) : twelve(Number(hour), half)) * 3600 + Number(minute) * 60 + Number(second.replace(',', '.'));
}
