import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { type Hsperfdata, parseHsperfdata } from '../../src/sources/hsperfdata.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/hsperfdata');
const FILES = readdirSync(FIXTURES).filter((name) => name.endsWith('.hsperfdata'));

const recorded = (name: string): Buffer => readFileSync(join(FIXTURES, name));

function parsed(bytes: Uint8Array): Hsperfdata {
  const data = parseHsperfdata(bytes);
  if ('defect' in data) throw new Error(data.defect);
  return data;
}

function defect(bytes: Uint8Array): string {
  const data = parseHsperfdata(bytes);
  return 'defect' in data ? `${data.unfinished ? 'unfinished' : 'wrong'}: ${data.defect}` : 'none';
}

function changed(name: string, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(recorded(name));
  change(bytes);
  return bytes;
}

describe('recorded files', () => {
  test.each([
    ['jdk17-serial.hsperfdata', 'Serial full collection pauses', 33_391_192],
    ['jdk17-parallel.hsperfdata', 'Parallel full collection pauses', 34_552_120],
    ['jdk17-g1.hsperfdata', 'G1 full collection pauses', 25_364_232],
    ['jdk17-shenandoah.hsperfdata', 'Shenandoah full', 19_922_928],
    ['jdk25-serial.hsperfdata', 'Serial full collection pauses', 34_929_104],
    ['jdk25-g1.hsperfdata', 'G1 full collection pauses', 25_209_336],
  ])('%s', (file, collector, old) => {
    const { numbers, texts } = parsed(recorded(file));
    expect(texts.get('sun.gc.collector.1.name')).toBe(collector);
    expect(numbers.get('sun.gc.generation.1.space.0.used')).toBe(old);
    expect(numbers.get('sun.os.hrt.frequency')).toBe(1_000_000_000);
    expect(texts.get('sun.gc.cause')).toBe('No GC');
    expect(numbers.get('java.threads.live')).toBeGreaterThan(3);
    expect(texts.get('java.property.java.vm.name')).toContain('OpenJDK');
  });

  test('an empty text is a text', () => {
    expect(parsed(recorded('jdk17-serial.hsperfdata')).texts.get('java.rt.vmFlags')).toBe('');
  });

  test('big-endian files are read as well', () => {
    const name = 'sun.gc.x\0'.padEnd(12, '\0');
    const bytes = Buffer.alloc(32 + 20 + name.length + 8);
    bytes.writeUInt32BE(0xcafec0c0, 0);
    bytes.set([0, 2, 0, 1], 4);
    bytes.writeInt32BE(bytes.length, 8);
    bytes.writeInt32BE(32, 24);
    bytes.writeInt32BE(1, 28);
    for (const [i, field] of [20 + name.length + 8, 20, 0].entries()) bytes.writeInt32BE(field, 32 + 4 * i);
    bytes.write('J', 44);
    bytes.writeInt32BE(20 + name.length, 48);
    bytes.write(name, 52);
    bytes.writeBigInt64BE(-5n, 52 + name.length);
    expect([...parsed(bytes).numbers]).toEqual([['sun.gc.x', -5]]);
  });
});

describe('what is not a whole file of a version that is known', () => {
  const file = 'jdk17-g1.hsperfdata';

  test.each([
    ['another file', Buffer.from('#!/bin/sh\necho this is not a heap, but long enough\n'), /^wrong: .*not a HotSpot file/],
    ['an empty file', Buffer.alloc(0), /^unfinished: .*shorter/],
    ['a file before its header', Buffer.alloc(32_768), /^unfinished: .*empty/],
    ['version 1', changed(file, (b) => void b.writeUInt8(1, 5)), /^wrong: .*version 1\.0/],
    ['version 3', changed(file, (b) => void b.writeUInt8(3, 5)), /^wrong: .*version 3\.0/],
    ['not accessible yet', changed(file, (b) => void b.writeUInt8(0, 7)), /^unfinished: .*released/],
    ['cut short', recorded(file).subarray(0, 4000), /^unfinished: .*cut short/],
    ['an entry that is counted and not written', changed(file, (b) => void b.writeInt32LE(188, 28)), /^unfinished: .*entry/],
    ['a negative count', changed(file, (b) => void b.writeInt32LE(-1, 28)), /^wrong: .*no sense/],
    ['an entry that points outside', changed(file, (b) => void b.writeInt32LE(1_000_000, 32 + 16)), /^unfinished: .*entry/],
    ['an entry of no length', changed(file, (b) => void b.writeInt32LE(0, 32)), /^unfinished: .*entry/],
  ])('%s', (_, bytes, message) => {
    expect(defect(bytes)).toMatch(message);
  });

  test('any bytes, and any entries behind a sound header: never throws', () => {
    const entries = fc.array(fc.integer({ min: -2, max: 90 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), entries, fc.nat(6), fc.nat(3), (bytes, fields, count, cut) => {
        parseHsperfdata(bytes);
        const file = Buffer.alloc(32 + 4 * fields.length - Math.min(cut, 4 * fields.length));
        file.set([0xca, 0xfe, 0xc0, 0xc0, 1, 2, 0, 1]);
        file.writeInt32LE(file.length, 8);
        file.writeInt32LE(32, 24);
        file.writeInt32LE(count, 28);
        for (const [i, field] of fields.entries()) if (36 + 4 * i <= file.length) file.writeInt32LE(field, 32 + 4 * i);
        for (let at = 44; at < file.length; at += 20) file[at] = at % 40 === 4 ? 0x4a : 0x42; // J and B
        parseHsperfdata(file);
      }),
      { numRuns: fc.tries(5000) },
    );
  });

  test('cut anywhere, or with any byte of its structure damaged: a defect, or figures as they were, never a zero', () => {
    const damage = fc.record({
      file: fc.constantFrom(...FILES),
      at: fc.nat(14_000),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.nat(16_000)),
    });
    fc.assert(
      fc.property(damage, ({ file, at, bytes, cut }) => {
        const right = parsed(recorded(file));
        const data = parseHsperfdata(changed(file, (b) => b.set(bytes, at)).subarray(0, cut ?? undefined));
        if ('defect' in data) return;
        // One damaged place spoils one value at most; every other one is absent or right.
        const wrong = [...data.numbers].filter(([name, value]) => right.numbers.has(name) && right.numbers.get(name) !== value);
        expect(wrong.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: fc.tries(1500) },
    );
  });
});
