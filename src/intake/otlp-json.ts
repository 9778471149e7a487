/** JSON of OTLP, its points one by one. */
import { AttributeSets } from './attribute-sets.ts';
import { cutPoints, type Piece } from './json-pieces.ts';
import { dataPointsOf, type DataPoints, field, LABELS, labelsOf, type Message } from './otlp-value.ts';
import { Unreadable } from './refusals.ts';

const sets = new AttributeSets();

export interface JsonRequest {
  readonly request: unknown;
  readonly points: (data: Message) => DataPoints;
  /** Parses the points that nobody has gone through. @throws {Unreadable} */
  readonly rest: () => void;
}

/** @throws {Unreadable}, and so does going through the points */
export function parseJson(body: Buffer): JsonRequest {
  const pieces = cutPoints(body);
  if (pieces === null) return { request: parsed(body.toString('utf8')), points: dataPointsOf, rest: () => {} };
  const unread = new Set(pieces.lists);
  const each = function* (list: readonly Piece[]): Generator<Message> {
    unread.delete(list);
    for (const piece of list) yield pointOf(body, piece);
  };
  return {
    request: parsed(pieces.rest),
    points(data) {
      const list = pieces.lists[Number(field(data, 'dataPoints'))] ?? [];
      return { count: list.length, each: each(list) };
    },
    rest() {
      for (const list of unread) for (const piece of list) pointOf(body, piece);
    },
  };
}

/** The space keeps what would stand behind the zero from becoming a part of it. */
const LEFT_OUT = '0 ';

function pointOf(body: Buffer, { from, to, attributes, attributesEnd }: Piece): Message {
  if (attributes < 0) return parsed(body.toString('utf8', from, to)) as Message;
  const text = (start: number, end: number): string => body.toString('utf8', start, end);
  const point = parsed(text(from, attributes) + LEFT_OUT + text(attributesEnd, to)) as Message & { [LABELS]?: unknown };
  const made = (): ReturnType<typeof labelsOf> => labelsOf({ attributes: parsed(text(attributes, attributesEnd)) });
  point[LABELS] = sets.of(body, attributes, attributesEnd, made);
  return point;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unreadable('this is no JSON'); // what the parser says quotes the body
  }
}
