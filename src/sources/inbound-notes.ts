/** POST /api/phase and /api/mark: what is done to the target, by who does it. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';
import { PHASE_HINT, PHASE_NAME } from '../phases.ts';
import { Bodies } from './inbound-body.ts';
import { type Door, EMPTY, JSON_TYPE, jsonRefusal, mediaType } from './inbound-door.ts';
import { Rate } from './inbound-rate.ts';
import { Refusal } from './inbound-refusal.ts';

/** Who writes phases and marks into the run. */
export interface Notes {
  /** @param judged whether trends are taken from it; null: as its name says */
  phase(name: string, judged: boolean | null): void;
  mark(text: string): void;
}

/** Each is an event in the record for ever: one a second is more than anybody does by hand or by script. */
const NOTES_PER_S = 1;
const SAVED_UP_S = 60;

const TEXT_MAX = 256;

export function noteDoors(notes: Notes, clock: Clock): { readonly phase: Door; readonly mark: Door } {
  const rate = new Rate(clock, NOTES_PER_S, SAVED_UP_S);
  const bodies = new Bodies();
  const door = (read: (given: Readonly<Record<string, unknown>>) => void): Door => ({
    methods: ['POST'],
    ofPage: true,
    answer: async (request) => {
      const given = await jsonOf(request, bodies, rate);
      read(given);
      rate.spend(1);
      return EMPTY;
    },
    refusal: jsonRefusal,
  });
  return { phase: door((given) => readPhase(given, notes)), mark: door((given) => readMark(given, notes)) };
}

function readPhase({ phase, judged = null, ...rest }: Readonly<Record<string, unknown>>, notes: Notes): void {
  if (typeof phase !== 'string' || !PHASE_NAME.test(phase)) throw malformed(`phase should be ${PHASE_HINT}, such as "fault"`);
  if (judged !== null && typeof judged !== 'boolean') throw malformed('judged should be true or false');
  only(rest, '{"phase": "fault", "judged": false}');
  notes.phase(phase, judged);
}

function readMark({ text, ...rest }: Readonly<Record<string, unknown>>, notes: Notes): void {
  if (typeof text !== 'string' || text.trim() === '' || text.length > TEXT_MAX)
    throw malformed(`text should have 1 to ${TEXT_MAX} characters, as in {"text": "deployed 1.2"}`);
  only(rest, '{"text": "deployed 1.2"}');
  notes.mark(text.trim());
}

function only(rest: Readonly<Record<string, unknown>>, example: string): void {
  if (Object.keys(rest).length > 0) throw malformed(`there should be nothing else in it than in ${example}`);
}

function malformed(message: string): Refusal {
  return new Refusal(400, 'malformed', message);
}

async function jsonOf(request: IncomingMessage, bodies: Bodies, rate: Rate): Promise<Readonly<Record<string, unknown>>> {
  if (mediaType(request) !== JSON_TYPE) throw new Refusal(415, 'wrong_type', `content-type should be ${JSON_TYPE}`);
  const wait = rate.wait();
  if (wait > 0) throw new Refusal(429, 'too_fast', 'more than one note a second', { 'retry-after': String(Math.ceil(wait)) });
  return bodies.read(request, (body) => {
    const value = parsed(body);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('the body should be a JSON object');
    return value as Readonly<Record<string, unknown>>;
  });
}

/** A note of the longest text in any spelling. */
const NOTE_BYTES_MAX = 8192;

function parsed(body: Buffer): unknown {
  if (body.length > NOTE_BYTES_MAX) throw new Refusal(413, 'too_large', `a note may have ${NOTE_BYTES_MAX} bytes`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
