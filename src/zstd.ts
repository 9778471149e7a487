/** How everything of the record is compressed. */
import { constants, zstdCompressSync } from 'node:zlib';

/**
 * What is compressed into stays until V8 collects its whole heap, however small the result, and several a minute make it do so. The usual
 * size is 64 kB; from 32 on a buffer is one of its own and not cut from a shared piece of 64.
 */
const INTO_BYTES = 32_768;

/**
 * @param level the usual one is 3; 1 takes two thirds of its time, for a tenth more bytes
 * @param checksum of what comes out again; for what nothing else would show to be damaged
 */
export function compressed(bytes: Uint8Array, { level = 3, checksum = false }: { level?: number; checksum?: boolean } = {}): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: Number(checksum) };
  return zstdCompressSync(bytes, { params, chunkSize: INTO_BYTES, pledgedSrcSize: bytes.length });
}
