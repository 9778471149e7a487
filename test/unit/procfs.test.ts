import { readFileSync } from 'node:fs';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import {
  hash,
  imageOf,
  Io,
  isEnded,
  isKernelThread,
  KeyedFile,
  parseChildren,
  parseDescriptorLimit,
  parseIo,
  parsePageSize,
  parseStat,
  parseStatm,
  parseStatus,
  parseSwaps,
  parseSwitches,
  parseUptime,
  sameImage,
  Stat,
  Status,
  Switches,
} from '../../src/sources/procfs.ts';

const TREE = new URL('../fixtures/proc/tree/', import.meta.url);

function recorded(path: string): Buffer {
  return readFileSync(new URL(path, TREE));
}

/** What the kernel wrote, with whatever an earlier, longer read has left after it in the buffer. */
function withLeftovers(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.from(' 9999 ) 9999 kB\nVmRSS: 9999 kB\nread_bytes: 9999\n'.repeat(20))]);
}

/** The numbers after the name, the slow and obvious way. */
function fieldsOf(text: string): number[] {
  return text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ')
    .map(Number);
}

function numbersOf(stat: Stat): number[] {
  const { ppid, flags, minflt, majflt, utime, stime, cutime, cstime, threads, startTime, vsize, startStack } = stat;
  return [ppid, flags, minflt, majflt, utime, stime, cutime, cstime, threads, startTime, vsize, startStack];
}

describe('stat', () => {
  test.each(['2', '1000', '1001', '1002', '1003', '1004', '1005', '1006', '1007'])('of the recorded process %s', (pid) => {
    const bytes = recorded(`${pid}/stat`);
    const stat = new Stat();
    expect(parseStat(withLeftovers(bytes), bytes.length, stat)).toBe(true);
    const fields = fieldsOf(bytes.toString('latin1'));
    const at = (n: number): number => fields[n - 3]!;
    expect(stat.pid).toBe(Number(pid));
    expect(numbersOf(stat)).toEqual([4, 9, 10, 12, 14, 15, 16, 17, 20, 22, 23, 28].map(at));
    expect(bytes.subarray(stat.commFrom, stat.commTo).toString()).toBe(recorded(`${pid}/comm`).toString().slice(0, -1));
  });

  test('tells states and kernel threads', () => {
    const read = (pid: string): Stat => {
      const bytes = recorded(`${pid}/stat`);
      const stat = new Stat();
      parseStat(bytes, bytes.length, stat);
      return stat;
    };
    expect(String.fromCharCode(read('1006').state)).toBe('T');
    expect([read('1005'), read('1001'), read('1006')].map(({ state }) => isEnded(state))).toEqual([true, false, false]);
    expect([read('2'), read('1001'), read('1005')].map(isKernelThread)).toEqual([true, false, false]);
  });

  const comm = fc.uint8Array({ maxLength: 15 }).map((bytes) => bytes.filter((byte) => byte !== 0));
  const number = fc.oneof(fc.nat(), fc.constant(0), fc.constant(2 ** 47));
  const line = fc.record({ comm, state: fc.constantFrom(...'RSDTtZXI'), fields: fc.array(number, { minLength: 49, maxLength: 49 }) });
  const write = (of: { comm: Uint8Array; state: string; fields: number[] }): Buffer =>
    Buffer.concat([Buffer.from('4242 ('), of.comm, Buffer.from(`) ${of.state} ${of.fields.join(' ')}\n`)]);

  test('whatever a process calls itself, the fields are the same', () => {
    fc.assert(
      fc.property(line, (of) => {
        const bytes = write(of);
        const stat = new Stat();
        expect(parseStat(withLeftovers(bytes), bytes.length, stat)).toBe(true);
        expect(numbersOf(stat)).toEqual([4, 9, 10, 12, 14, 15, 16, 17, 20, 22, 23, 28].map((n) => of.fields[n - 4]));
        expect(bytes.subarray(stat.commFrom, stat.commTo).equals(of.comm)).toBe(true);
        expect(String.fromCharCode(stat.state)).toBe(of.state);
      }),
    );
  });

  test('a truncated line is refused or says what the whole line says, never a shorter number', () => {
    fc.assert(
      fc.property(line, fc.nat(400), (of, length) => {
        const bytes = write(of);
        const whole = new Stat();
        parseStat(bytes, bytes.length, whole);
        const cut = new Stat();
        if (parseStat(withLeftovers(bytes.subarray(0, length)), Math.min(length, bytes.length), cut)) {
          expect(numbersOf(cut)).toEqual(numbersOf(whole));
        } else {
          expect(numbersOf(cut).filter((value) => value > 0)).toEqual([]);
        }
      }),
    );
  });

  test('never throws, and a refusal changes nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (bytes, length) => {
        const stat = new Stat();
        if (!parseStat(bytes, Math.min(length, bytes.length), stat)) expect(stat).toEqual(new Stat());
      }),
    );
  });

  test('a process that calls exec is known by its stack, or by its name where that is hidden', () => {
    const stat = new Stat();
    const bytes = recorded('1001/stat');
    parseStat(bytes, bytes.length, stat);
    const image = imageOf(bytes, stat);
    expect(image.startStack).toBeGreaterThan(0);
    expect(sameImage(image, { ...image, comm: 1 })).toBe(true); // it only renamed itself
    expect(sameImage(image, { ...image, startStack: 4096 })).toBe(false);
    expect(sameImage(image, { ...image, startStack: 0 })).toBe(true);
    expect(sameImage(image, { comm: hash(Buffer.from('sh'), 0, 2), startStack: 0 })).toBe(false);
  });
});

describe('status', () => {
  test('of a recorded process, in bytes', () => {
    const bytes = recorded('1007/status');
    const status = new Status();
    expect(parseStatus(withLeftovers(bytes), bytes.length, status)).toBe(true);
    const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(bytes.toString())?.[1]) * 1024;
    expect({ ...status }).toEqual({
      peak: kb('VmHWM'),
      rss: kb('VmRSS'),
      anonymous: kb('RssAnon'),
      file: kb('RssFile'),
      shmem: kb('RssShmem'),
      swap: kb('VmSwap'),
    });
    expect(status.anonymous).toBeGreaterThan(1_000_000);
    expect(status.anonymous + status.file + status.shmem).toBe(status.rss);
  });

  test.each(['2', '1005'])('of the kernel thread or zombie %s has no memory, which is not zero memory', (pid) => {
    const bytes = recorded(`${pid}/status`);
    const status = new Status();
    expect(parseStatus(withLeftovers(bytes), bytes.length, status)).toBe(false);
    expect(Object.values(status)).toEqual(Array.from({ length: 6 }, () => NaN));
  });

  test('what is not there is NaN, and the rest is found wherever it stands', () => {
    const text = 'Name:\tx\nVmSwap:\t      12 kB\nVmRSS:\t  34 kB\nVmRSSX:\t 1 kB\n';
    const status = new Status();
    parseStatus(Buffer.from(text), text.length, status);
    expect(status).toMatchObject({ swap: 12 * 1024, rss: 34 * 1024, anonymous: NaN, peak: NaN });
  });

  test('truncated anywhere, a figure is the whole one or unknown', () => {
    const bytes = recorded('1007/status');
    const whole = new Status();
    parseStatus(bytes, bytes.length, whole);
    for (let length = 0; length < bytes.length; length++) {
      const cut = new Status();
      parseStatus(withLeftovers(bytes.subarray(0, length)), length, cut);
      for (const key of Object.keys(whole) as (keyof Status)[]) if (!Number.isNaN(cut[key])) expect(cut[key]).toBe(whole[key]);
    }
  });
});

describe('statm', () => {
  const statm = (text: string, out: Status, length = text.length): boolean =>
    parseStatm(withLeftovers(Buffer.from(text.slice(0, length))), Math.min(length, text.length), 4096, out);

  test('says what status says of resident and anonymous memory, and leaves the rest as it was', () => {
    const bytes = recorded('1007/status');
    const status = new Status();
    parseStatus(bytes, bytes.length, status);
    const whole = { ...status };
    const [resident, shared] = [whole.rss / 4096, (whole.file + whole.shmem) / 4096];
    expect(statm(`99999 ${resident} ${shared} 1 0 500 0\n`, status)).toBe(true);
    expect({ ...status }).toEqual(whole);
    expect(statm(`99999 ${resident + 7} ${shared + 2} 1 0 500 0\n`, status)).toBe(true);
    expect({ ...status }).toEqual({ ...whole, rss: whole.rss + 7 * 4096, anonymous: whole.anonymous + 5 * 4096 });
  });

  test.each(['0 0 0 0 0 0 0\n', '', '12', '12 3', '12 3 1', '12 x 1 ', '12  3 1 ', '12 3 4 1 0 1 0\n', '-12 3 1 1 0 1 0\n'])(
    '%j is no memory, and changes nothing',
    (text) => {
      const status = new Status();
      expect(statm(text, status)).toBe(false);
      expect(status).toEqual(new Status());
    },
  );

  test('truncated anywhere, a figure is the whole one or unknown', () => {
    const text = '123456 23456 12345 1 0 9999 0\n';
    for (let length = 0; length < text.length; length++) {
      const status = new Status();
      if (statm(text, status, length)) expect(status).toMatchObject({ rss: 23_456 * 4096, anonymous: 11_111 * 4096 });
      else expect(status).toEqual(new Status());
    }
  });
});

describe('context switches', () => {
  test('of a recorded process, and unknown where the kernel does not count them', () => {
    const bytes = recorded('1007/status');
    const switches = new Switches();
    expect(parseSwitches(withLeftovers(bytes), bytes.length, switches)).toBe(true);
    expect(bytes.toString()).toContain(`\nvoluntary_ctxt_switches:\t${switches.voluntary}\n`);
    expect(bytes.toString()).toContain(`\nnonvoluntary_ctxt_switches:\t${switches.involuntary}\n`);
    expect(parseSwitches(bytes, bytes.indexOf('voluntary_ctxt'), switches)).toBe(false);
    expect(switches).toEqual(new Switches());
  });
});

describe('files of keys', () => {
  test('are parsed alike whatever was parsed before', () => {
    const lines = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ab', 'c', ''), fc.oneof(fc.nat().map(String), fc.string({ maxLength: 6 }))));
    const files = fc.array(
      lines.map((all) => all.map(([key, value]) => `${key}:\t${value} kB\n`).join('')),
      { minLength: 2, maxLength: 5 },
    );
    fc.assert(
      fc.property(files, (texts) => {
        const used = new KeyedFile('a', 'b');
        for (const text of texts) {
          const bytes = Buffer.from(text);
          const fresh = new KeyedFile('a', 'b');
          const found = fresh.parse(bytes, bytes.length);
          // Of a key that stands twice, the first counts for a fresh parser; a used one may begin at the second.
          if (/(^|\n)(a|b):[^\n]*\n(.*\n)*\2:/.test(text)) continue;
          expect(used.parse(bytes, bytes.length)).toBe(found);
          expect(used.values).toEqual(fresh.values);
        }
      }),
    );
  });

  test('never throw on any bytes', () => {
    const file = new KeyedFile('read_bytes', 'write_bytes');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const found = file.parse(bytes, bytes.length);
        expect(Array.from(file.values).filter((value) => !Number.isNaN(value)).length).toBe(found);
      }),
    );
  });
});

describe('io', () => {
  test('of a recorded process', () => {
    const bytes = recorded('1000/io');
    const io = new Io();
    expect(parseIo(bytes, bytes.length, io)).toBe(true);
    expect(bytes.toString()).toContain(`read_bytes: ${io.read}\nwrite_bytes: ${io.written}\n`);
  });

  test('a key that stands twice is not two keys', () => {
    const text = 'read_bytes: 4096\nread_bytes: 1\n';
    const io = new Io();
    expect(parseIo(Buffer.from(text), text.length, io)).toBe(false);
    expect(io).toEqual({ read: 4096, written: NaN });
  });

  test('a number that the end of the file cuts is not taken', () => {
    const text = 'read_bytes: 4096\nwrite_bytes: 81';
    const io = new Io();
    expect(parseIo(Buffer.from(text), text.length, io)).toBe(false);
    expect(io).toEqual({ read: 4096, written: NaN });
  });
});

describe('small files', () => {
  const uptime = (text: string): number => parseUptime(Buffer.from(text), text.length);

  test('uptime', () => {
    expect(uptime('4500.51 7832.81\n')).toBeCloseTo(4500.51, 9);
    expect(['', '45', '4500.5', '4500.51', 'x.00 1', '.12 1'].map(uptime)).toEqual([NaN, NaN, NaN, NaN, NaN, NaN]);
  });

  test('the limit of descriptors: a number, none, or not said', () => {
    const text = recorded('1001/limits').toString();
    const limit = (file: string): number | null => parseDescriptorLimit(withLeftovers(Buffer.from(file)), file.length);
    expect(limit(text)).toBe(Number(/Max open files\s+(\d+)/.exec(text)?.[1]));
    expect(limit(text.replace(/(Max open files\s+)\d+\s/, '$1unlimited '))).toBe(Infinity);
    expect(limit('')).toBeNull();
    expect(limit('Max open files            20')).toBeNull(); // cut in the middle of a number
    expect(limit('Max open files            unlim')).toBeNull();
    expect(limit('Max file size             20 \n')).toBeNull();
  });

  test('areas of swap: none, one, and a machine of which nothing is known', () => {
    const has = (text: string): boolean => parseSwaps(Buffer.from(text), text.length);
    const head = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';
    expect(has(head)).toBe(false);
    expect(has(`${head}/dev/sda2                               partition\t1048572\t\t0\t\t-2\n`)).toBe(true);
    expect(has('')).toBe(true);
  });

  test('the size of a page, wherever it stands', () => {
    const size = (words: readonly number[]): number => {
      const bytes = new Uint8Array(new BigUint64Array(words.map(BigInt)).buffer);
      return parsePageSize(bytes, bytes.length);
    };
    expect(size([33, 2 ** 46, 6, 16_384, 17, 100, 0, 0])).toBe(16_384);
    expect(size([6, 4096])).toBe(4096);
    expect([size([]), size([33, 6]), size([6])]).toEqual([NaN, NaN, NaN]);
    expect([size([6, 2048]), size([6, 5000])]).toEqual([NaN, NaN]);
  });

  test('the size of a page is not told by words of 32 bits or of the other byte order', () => {
    const size = (bytes: Uint8Array): number => parsePageSize(bytes, bytes.length);
    const narrow = new Uint32Array([33, 0xb7f0_0000, 6, 4096, 17, 100, 0, 0]);
    expect(size(new Uint8Array(narrow.buffer))).toBeNaN();
    expect(size(new Uint8Array(new BigUint64Array([6n, 4096n, 0n, 0n]).buffer).toReversed())).toBeNaN();
  });

  test('children, cut anywhere, are the first of them and never part of a pid', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_194_304 })), fc.nat(60), (pids, length) => {
        const bytes = Buffer.from(pids.map((pid) => `${pid} `).join(''));
        expect(parseChildren(bytes, bytes.length)).toEqual(pids);
        const some = parseChildren(bytes, Math.min(length, bytes.length));
        expect(some).toEqual(pids.slice(0, some.length));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parseChildren(bytes, bytes.length).filter((pid) => !(pid > 0))).toEqual([]);
      }),
    );
  });
});
