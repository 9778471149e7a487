/** OTLP/HTTP bodies of metrics, in both encodings, as points; and the answers in the encoding of the request. */
import { parseJson } from './otlp-json.ts';
import { pointsOf } from './otlp-points.ts';
import type { Parsed } from './refusals.ts';

export type Encoding = 'protobuf' | 'json';

/** Content types. Source: OTLP specification, "OTLP/HTTP Request". */
export const CONTENT_TYPES: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' };

/** Loads the library with the first body in protobuf: 2 MB that a run without an inbound listener never has. */
const protobuf = () => import('./otlp-protobuf.ts');

/** @throws {Unreadable} when the body is no request; points that cannot be used are refused one by one */
export async function parseOtlp(body: Buffer, encoding: Encoding): Promise<Parsed> {
  if (encoding === 'protobuf') return pointsOf((await protobuf()).decodeRequest(body));
  const { request, points, rest } = parseJson(body);
  const read = pointsOf(request, points);
  rest();
  return read;
}

/** The body of a 200: with what was refused, or empty. */
export async function otlpResponse(encoding: Encoding, { total, message }: Parsed['refused']): Promise<string | Uint8Array> {
  const refused = total === 0 ? null : { count: total, message: message ?? '' };
  if (encoding === 'protobuf') return (await protobuf()).encodeResponse(refused);
  return JSON.stringify(refused ? { partialSuccess: { rejectedDataPoints: String(refused.count), errorMessage: refused.message } } : {});
}

/** The body of an error: google.rpc.Status with a code of gRPC. */
export async function otlpStatus(encoding: Encoding, code: number, message: string): Promise<string | Uint8Array> {
  return encoding === 'protobuf' ? (await protobuf()).encodeStatus(code, message) : JSON.stringify({ code, message });
}
