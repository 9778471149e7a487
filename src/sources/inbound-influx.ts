/**
 * POST /write (InfluxDB 1.x) and /api/v2/write (2.x): lines of the line protocol. Lines that cannot be read are a 400 "partial write", as
 * InfluxDB has it; the others are taken.
 */
import { parseInflux, PRECISIONS, unitOf } from '../intake/influx.ts';
import { cut } from '../problem.ts';
import type { Desk } from './inbound-desk.ts';
import { type Answer, type Door, EMPTY, JSON_TYPE, jsonRefusal, mediaType } from './inbound-door.ts';
import { Refusal } from './inbound-refusal.ts';

/** Clients send lines as text, as a form (curl), or as bytes. */
const TYPES = new Set(['', 'text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']);

export function influxDoor(desk: Desk): Door {
  return {
    methods: ['POST'],
    answer: (request, query) => {
      if (!TYPES.has(mediaType(request))) throw new Refusal(415, 'wrong_type', 'content-type should be text/plain, for line protocol');
      const unit = unitOf(query.get('precision'));
      if (unit === undefined) throw new Refusal(400, 'malformed', `precision should be one of ${PRECISIONS.join(', ')}`);
      const sender = `the sender of ${cut(query.get('db') ?? query.get('bucket') ?? 'lines')}`;
      return desk.body(request, (body) => answer(body, unit, sender, desk));
    },
    refusal: jsonRefusal,
  };
}

function answer(body: Buffer, unit: number, sender: string, desk: Desk): Answer {
  const parsed = parseInflux(body.toString('utf8'), unit);
  desk.arrived('influx', parsed, body.length, sender);
  const { message, total } = parsed.refused;
  if (message === null) return EMPTY;
  const result = parsed.points.length > 0 ? 'partial' : 'malformed';
  return {
    status: 400,
    result,
    type: JSON_TYPE,
    body: JSON.stringify({ error: `partial write: ${message}; dropped=${total}` }),
    refused: message,
  };
}

/** What clients ask before they write. */
export function pingDoor(): Door {
  return { methods: ['GET', 'HEAD'], open: true, answer: () => Promise.resolve(EMPTY), refusal: jsonRefusal };
}
