/**
 * POST /v1/metrics. Source: OTLP specification, "OTLP/HTTP Response": 200 with partial_success when some points were refused, 400 is not
 * sent again, 429 and 503 are; errors are google.rpc.Status in the encoding of the request.
 */
import type { IncomingMessage } from 'node:http';
import { CONTENT_TYPES, type Encoding, otlpResponse, otlpStatus, parseOtlp } from '../intake/otlp.ts';
import { Unreadable } from '../intake/refusals.ts';
import type { Desk } from './inbound-desk.ts';
import { type Answer, type Door, mediaType } from './inbound-door.ts';
import { Refusal } from './inbound-refusal.ts';

/** Codes of gRPC by status. Source: google/rpc/code.proto. */
const CODES: Readonly<Record<number, number>> = { 401: 16, 403: 7, 404: 5, 413: 8, 429: 8, 500: 13, 503: 14 };
const INVALID_ARGUMENT = 3;

export function otlpDoor(desk: Desk): Door {
  return {
    methods: ['POST'],
    answer: (request) => {
      const encoding = encodingOf(request);
      if (encoding === null) throw new Refusal(415, 'wrong_type', `content-type should be ${Object.values(CONTENT_TYPES).join(' or ')}`);
      return desk.body(request, (body) => answer(body, encoding, desk));
    },
    refusal: async ({ status, message }, request) => {
      const encoding = encodingOf(request) ?? 'json';
      return { type: CONTENT_TYPES[encoding], body: await otlpStatus(encoding, CODES[status] ?? INVALID_ARGUMENT, message) };
    },
  };
}

async function answer(body: Buffer, encoding: Encoding, desk: Desk): Promise<Answer> {
  try {
    const parsed = await parseOtlp(body, encoding);
    desk.arrived('otlp', parsed, body.length, 'a program without service.name');
    const { refused } = parsed;
    return {
      status: 200,
      result: refused.total > 0 ? 'partial' : 'accepted',
      type: CONTENT_TYPES[encoding],
      body: await otlpResponse(encoding, refused),
      refused: refused.message,
    };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    desk.unreadable(body.length);
    throw new Refusal(400, 'malformed', error.message);
  }
}

function encodingOf(request: IncomingMessage): Encoding | null {
  const type = mediaType(request);
  return (Object.keys(CONTENT_TYPES) as Encoding[]).find((one) => CONTENT_TYPES[one] === type) ?? null;
}
