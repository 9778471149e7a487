/** One address of the inbound listener: how it answers, and how it spells refusals. */
import type { IncomingMessage } from 'node:http';
import type { Result } from './inbound-metrics.ts';
import type { Refusal } from './inbound-refusal.ts';

export interface Answer {
  readonly status: number;
  readonly result: Result;
  readonly type: string;
  readonly body: string | Uint8Array;
  /** What of it was refused, as the sender is told; null when all is well. */
  readonly refused: string | null;
}

export interface Door {
  readonly methods: readonly string[];
  /** Of probes that know no token (`/ping`) nothing is asked. */
  readonly open?: true;
  /** The page of the run may use it, from a browser. */
  readonly ofPage?: true;
  /** @throws {Refusal} */
  answer(request: IncomingMessage, query: URLSearchParams): Promise<Answer>;
  refusal(refusal: Refusal, request: IncomingMessage): Promise<Pick<Answer, 'type' | 'body'>>;
}

/** `application/json` of `application/json; charset=utf-8`; empty when there is none. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

export const JSON_TYPE = 'application/json';

/** Nothing to say. */
export const EMPTY = { status: 204, result: 'accepted', type: '', body: '', refused: null } as const;

/** As InfluxDB and most others tell errors. */
export function jsonRefusal({ message }: Refusal): Promise<Pick<Answer, 'type' | 'body'>> {
  return Promise.resolve({ type: JSON_TYPE, body: JSON.stringify({ error: message }) });
}
