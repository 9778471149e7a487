/** The time column: which one it is, how its times are written, and what they are in seconds. */
import { areCompact, DATE_NAME, readClock, readDate, readMonthsFirst, slashesOf } from './dates.ts';
import { meaningOf } from './meaning.ts';
import { scaleOf, splitUnit } from './units.ts';

/** How the times of some data are written. */
export interface TimeAxis {
  /** `wall`: since the Unix epoch. `elapsed`: since some start that is not known. */
  readonly kind: 'wall' | 'elapsed';
  /** Seconds of a cell; NaN for what is no such time. */
  readonly read: (cell: string) => number;
  /** Why a cell is no such time. */
  readonly whyNot: (cell: string) => string;
  /** Dates without a zone, of a clock that may keep daylight saving. */
  readonly local: boolean;
  /** Whether a column that is not named like a time may be one. */
  readonly isLikely: boolean;
  /** Times of a day, whose date stands in another column if anywhere. */
  readonly isClock: boolean;
  /** For people: `epoch milliseconds`. */
  readonly text: string;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Powers of the epoch by magnitude: 1e8 s is 1973 and 1e11 s the year 5138, so that seconds, milliseconds and the rest never meet. */
const EPOCHS = [
  { above: 1e17, factor: 1e-9, text: 'epoch nanoseconds' },
  { above: 1e14, factor: 1e-6, text: 'epoch microseconds' },
  { above: 1e11, factor: 1e-3, text: 'epoch milliseconds' },
  { above: 1e8, factor: 1, text: 'epoch seconds' },
] as const;

/**
 * What most cells of the sample are; a few others are mistakes, which are told where they stand.
 * @param sample cells of the column; null when they are no times
 */
export function axisOf(name: string, sample: readonly string[], unit: string | null): TimeAxis | null {
  const cells = sample.map((cell) => cell.trim()).filter((cell) => cell !== '');
  const numbers = cells.filter((cell) => NUMBER.test(cell));
  if (unit === null && cells.length > 0 && areCompact(name, cells)) return dated(cells, readDate);
  if (numbers.length > cells.length / 2) {
    const values = numbers.map(Number);
    return (unit === null ? serial(name, values) : null) ?? numeric(name, values, unit);
  }
  if (most(cells, readClock)) return clock(readClock);
  const slashed = MICROSOFT.test(name) ? readMonthsFirst : slashesOf(cells);
  const read = typeof slashed === 'function' ? slashed : readDate;
  return most(cells, read) ? dated(cells, read) : null;
}

/** Performance counters of Windows (`typeperf`, `relog`), whose dates have the month first wherever they are written. */
const MICROSOFT = /^\(PDH-CSV/;

/** Whether the greater part of the cells can be read so. */
function most(cells: readonly string[], read: TimeAxis['read']): boolean {
  return cells.filter((cell) => !Number.isNaN(read(cell))).length > cells.length / 2;
}

function clock(read: TimeAxis['read']): TimeAxis {
  return { kind: 'elapsed', read, whyNot: () => NO_TIME, local: false, isLikely: false, isClock: true, text: 'hours, minutes and seconds' };
}

function dated(cells: readonly string[], read: TimeAxis['read']): TimeAxis {
  const zoned = cells.filter(hasZone).length > cells.length / 2;
  return {
    kind: 'wall',
    read: (cell) => (hasZone(cell) === zoned ? read(cell) : NaN),
    whyNot: (cell) => {
      if (Number.isNaN(read(cell))) return NO_TIME;
      return zoned ? 'has no zone, and the times before it have one' : 'has a zone, and the times before it have none';
    },
    local: !zoned,
    isLikely: true,
    isClock: false,
    text: zoned ? 'RFC 3339' : 'date and time without a zone, taken as UTC,',
  };
}

const NO_TIME = 'is no time like those before it';

function hasZone(cell: string): boolean {
  return /(?:[zZC]|GMT|[+-]\d\d:?\d\d)\s*$/.test(cell.trim().slice(8));
}

/** Days since 1899-12-30, as which spreadsheets keep their dates; this is the Unix epoch. */
const SERIAL_EPOCH = 25_569;

/** Serial numbers of 2000 and 2100. */
const SERIALS = [36_526, 73_051] as const;

/** Names of clocks that begin at some start, and of units. */
const ELAPSED = /elapsed|uptime|seconds|epoch/i;

/**
 * Rows of a spreadsheet whose dates were saved as numbers. As seconds they would begin ten hours or more after some start, and follow each other
 * several times a second; a row a day is told by its name alone.
 */
function serial(name: string, values: readonly number[]): TimeAxis | null {
  const isWithin = values.every((value) => value >= SERIALS[0] && value < SERIALS[1]);
  if (!isWithin || splitUnit(name).scale !== null || ELAPSED.test(name)) return null;
  const apart = values.slice(1).map((value, i) => Math.abs(value - values[i]!));
  const usual = apart.toSorted((a, b) => a - b)[apart.length >> 1] ?? 0;
  if (usual > 0.5 && !DATE_NAME.test(name)) return null;
  // To the millisecond, which is what their digits hold.
  const read = (cell: string): number => (NUMBER.test(cell.trim()) ? Math.round((Number(cell) - SERIAL_EPOCH) * 86_400_000) / 1000 : NaN);
  return {
    kind: 'wall',
    read,
    whyNot: () => NO_TIME,
    local: true,
    isLikely: true,
    isClock: false,
    text: 'days of a spreadsheet, taken as UTC,',
  };
}

function epochOf(value: number): (typeof EPOCHS)[number] | undefined {
  return EPOCHS.find(({ above }) => Math.abs(value) >= above);
}

function numeric(name: string, values: readonly number[], unit: string | null): TimeAxis {
  const given = unit === null ? splitUnit(name).scale : scaleOf(unit);
  // Not the largest one: a single time in another unit is a mistake.
  const usual = values.toSorted((a, b) => Math.abs(a) - Math.abs(b))[values.length >> 1]!;
  const epoch = epochOf(usual);
  const factor = given?.unit === 's' ? given.factor : 1;
  const isEpoch = (unit === null && epoch !== undefined) || Math.abs(usual) * factor >= 1e8;
  // Of times from a start the size does not tell the unit.
  const isOther = (value: number): boolean => isEpoch && epoch !== undefined && epochOf(value) !== undefined && epochOf(value) !== epoch;
  const seconds = unit === null && epoch !== undefined ? epoch.factor : factor;
  const words = unit === null && epoch !== undefined ? epoch.text : isEpoch ? `epoch ${given?.word ?? 's'}` : null;
  return {
    kind: isEpoch ? 'wall' : 'elapsed',
    read: (cell) => (NUMBER.test(cell.trim()) && !isOther(Number(cell)) ? Number(cell) * seconds : NaN),
    whyNot: (cell) =>
      NUMBER.test(cell.trim())
        ? `is in ${epochOf(Number(cell))!.text}, and the times before it are in ${epoch!.text}: give all of them one unit`
        : NO_TIME,
    local: false,
    isLikely:
      isEpoch &&
      isCalendar(
        name,
        values.map((value) => value * seconds),
      ),
    isClock: false,
    text: words ?? `${factor === 1 ? 'seconds' : (given?.word ?? 's')} from the start`,
  };
}

/** Times of 2000 and 2100. Figures of a gigabyte are as large. */
const CALENDAR = [946_684_800, 4_102_444_800] as const;

/** Share of the rows that may go the other way. */
const TURNS = 0.1;

/** Whether figures whose name does not say that they are times go on as times do, and none of what such names mean is told by it. */
function isCalendar(name: string, times: readonly number[]): boolean {
  const { kind, scale } = meaningOf({ metric: name, unit: null });
  if ((kind !== 'gauge' && kind !== 'counter') || scale.unit === 'By') return false;
  const steps = times.slice(1).map((time, i) => Math.sign(time - times[i]!));
  const back = steps.filter((step) => step < 0).length;
  const on = steps.filter((step) => step > 0).length;
  const goesOn = times.length === 1 || (back !== on && Math.min(back, on) <= TURNS * Math.max(back, on));
  return goesOn && times.every((time) => time >= CALENDAR[0] && time < CALENDAR[1]);
}

/** Names that a time column has, the likeliest first; without unit, case and signs. */
const NAMES = [
  'timestamp',
  'time',
  'datetime',
  'date',
  'ts',
  't',
  'at',
  'when',
  'epoch',
  'elapsed',
  'elapsedtime',
  'seconds',
  'clock',
  'uptime',
];

export function isTimeName(name: string): boolean {
  return NAMES.includes(name.toLowerCase().replaceAll(/[^a-z]/g, ''));
}

/** Index of the column that is named like time and looks like it, else of the first one that holds dates or epoch times; -1 for none. */
export function timeColumn(names: readonly string[], axisAt: (index: number) => TimeAxis | null): number {
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[^a-z]/g, ''));
  const stems = names.map((name) =>
    splitUnit(name)
      .stem.toLowerCase()
      .replaceAll(/[^a-z]/g, ''),
  );
  for (const known of NAMES) {
    const index = names.findIndex((_, i) => (plain[i] === known || stems[i] === known) && axisAt(i) !== null);
    if (index >= 0) return index;
  }
  return names.findIndex((_, i) => axisAt(i)?.isLikely === true);
}
