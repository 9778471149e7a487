/** Single values of OTLP messages, which a sender may have spelled in any way or left out: nothing here throws. */
import { cut } from '../problem.ts';
import { LABELS_MAX } from './refusals.ts';

export type Message = Readonly<Record<string, unknown>>;

/** Of a message that has the field itself: one that is not on the wire has a default on the prototype. */
export function field(message: Message, name: string): unknown {
  return Object.hasOwn(message, name) ? message[name] : undefined;
}

export function messageOf(value: unknown): Message | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Message) : null;
}

/** The messages of a list; what is none is left out. */
export function messagesOf(message: Message, name: string): readonly Message[] {
  const list = field(message, name);
  return Array.isArray(list) ? list.filter((one): one is Message => messageOf(one) !== null) : [];
}

/** The points of some data, to be gone through once. */
export interface DataPoints {
  readonly count: number;
  readonly each: Iterable<Message>;
}

export function dataPointsOf(data: Message): DataPoints {
  const each = messagesOf(data, 'dataPoints');
  return { count: each.length, each };
}

/** JSON spells 64-bit numbers as text or number, and what is not finite as text. NaN for anything else, also what is absent. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > 40) return Number.NaN;
  if (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value)) return Number(value);
  return value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : Number.NaN;
}

/** A number that proto3 leaves out when it is zero. */
export function numberOrZero(message: Message, name: string): number {
  const value = field(message, name);
  return value === undefined || value === null ? 0 : numberOf(value);
}

/** Nanoseconds in the year 5138: beyond it a number is no time. */
const LATEST_NS = 1e20;

/** Seconds; zero and what is absent are not told. */
export function seconds(message: Message, name: string): number | null {
  const nanoseconds = numberOf(field(message, name));
  return nanoseconds > 0 && nanoseconds < LATEST_NS ? nanoseconds / 1e9 : null;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? cut(value) : '';
}

/** Levels of lists in a value; what is deeper is not told apart. */
const DEPTH_MAX = 4;

/** Entries of a list in a value: the text is cut anyway. */
const ENTRIES_MAX = 32;

/** An AnyValue as the value of a label: lists and maps as JSON. */
export function labelText(value: unknown): string {
  const plain = plainOf(value, DEPTH_MAX);
  return cut(typeof plain === 'string' ? plain : plain === null ? '' : JSON.stringify(plain));
}

function plainOf(given: unknown, depth: number): unknown {
  const value = messageOf(given);
  if (value === null || depth === 0) return null;
  const text = field(value, 'stringValue');
  if (typeof text === 'string') return text;
  for (const name of ['boolValue', 'intValue', 'doubleValue', 'bytesValue']) {
    const one = field(value, name);
    if (one instanceof Uint8Array) return Buffer.from(one.subarray(0, 256)).toString('base64');
    if (typeof one === 'boolean' || typeof one === 'number' || typeof one === 'string') return String(one);
  }
  return listOf(value, depth);
}

function listOf(value: Message, depth: number): unknown {
  const list = messageOf(field(value, 'arrayValue'));
  if (list)
    return messagesOf(list, 'values')
      .slice(0, ENTRIES_MAX)
      .map((one) => plainOf(one, depth - 1));
  const map = messageOf(field(value, 'kvlistValue'));
  if (!map) return null;
  const entries = messagesOf(map, 'values').slice(0, ENTRIES_MAX);
  return Object.fromEntries(entries.map((one) => [textOf(field(one, 'key')), plainOf(field(one, 'value'), depth - 1)]));
}

/** Names that an object has by itself: as the name of a label they would change it instead. */
const RESERVED = '__proto__';

/** Where the labels of a point are when they have been made already: no name, so that no body can set it. */
export const LABELS = Symbol('labels');

/** Attributes as labels; null when there are too many. */
export function labelsOf(message: Message): Record<string, string> | null {
  const attributes = field(message, 'attributes');
  const labels: Record<string, string> = {};
  if (!Array.isArray(attributes)) return labels;
  if (attributes.length > LABELS_MAX) return null;
  for (const attribute of attributes) {
    const one = messageOf(attribute);
    const key = one === null ? '' : textOf(field(one, 'key'));
    if (key !== '' && key !== RESERVED) labels[key] = labelText(field(one!, 'value'));
  }
  return labels;
}
