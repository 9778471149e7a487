/** Bodies of requests, bounded: in size, unpacked size, and all of those together that are in the air. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { errno } from '../problem.ts';
import { Refusal } from './inbound-refusal.ts';

/** Of one body, packed and unpacked: 10,000 points with five attributes and 16 buckets are 2.5 MB, and SDKs send every ten seconds. */
export const BODY_MAX = 4_000_000;

/** Of all bodies that have not been read to their end, or wait for their turn. */
const HELD_MAX = 4 * BODY_MAX;

const UNPACK = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) } as const;

const TOO_LARGE = `a body may have ${BODY_MAX / 1e6} MB, also unpacked: send smaller ones`;

function tooLarge(): Refusal {
  return new Refusal(413, 'too_large', TOO_LARGE, { connection: 'close' });
}

export class Bodies {
  #held = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Reads the body, unpacks it and gives it to `use`, one request at a time: what one unpacks to is never in memory twice.
   * @throws {Refusal} also when the sender ends before its body does
   */
  async read<T>(request: IncomingMessage, use: (body: Buffer) => T | Promise<T>): Promise<T> {
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (encoding !== 'identity' && !Object.hasOwn(UNPACK, encoding))
      throw new Refusal(415, 'wrong_type', 'content-encoding should be gzip, deflate or none', { connection: 'close' });
    if (Number(request.headers['content-length'] ?? 0) > BODY_MAX) throw tooLarge();
    const held = { bytes: 0 };
    try {
      const packed = await this.#collect(request, held);
      return await this.#inTurn(async () => use(await unpacked(packed, encoding)));
    } finally {
      this.#held -= held.bytes;
    }
  }

  #collect(request: IncomingMessage, held: { bytes: number }): Promise<Buffer> {
    const chunks: Buffer[] = [];
    return new Promise((resolve, reject) => {
      const stop = (refusal: Refusal): void => {
        request.off('data', onData);
        request.pause();
        reject(refusal);
      };
      const onData = (chunk: Buffer): void => {
        chunks.push(chunk);
        held.bytes += chunk.length;
        this.#held += chunk.length;
        if (held.bytes > BODY_MAX) stop(tooLarge());
        else if (this.#held > HELD_MAX) {
          stop(new Refusal(503, 'busy', 'too many bodies at once: send it again', { 'retry-after': '1', connection: 'close' }));
        }
      };
      request.on('data', onData);
      request.once('end', () => resolve(Buffer.concat(chunks)));
      request.once('close', () => reject(new Refusal(400, 'cut_off', 'the body ended before its end')));
      request.once('error', () => reject(new Refusal(400, 'cut_off', 'the body ended before its end')));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => null); // what it throws is its own sender's
    return result;
  }
}

async function unpacked(packed: Buffer, encoding: string): Promise<Buffer> {
  if (encoding === 'identity') return packed;
  try {
    return await UNPACK[encoding as keyof typeof UNPACK](packed, { maxOutputLength: BODY_MAX });
  } catch (error) {
    if (errno(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new Refusal(400, 'malformed', `the body is not what content-encoding says: it cannot be unpacked as ${encoding}`);
  }
}
