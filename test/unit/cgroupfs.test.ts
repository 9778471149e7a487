import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import {
  below,
  commonPath,
  parseCgroupMounts,
  parseCpuMax,
  parseFields,
  parseIoStat,
  parseLimit,
  parseMembership,
  parseNumber,
  parsePressure,
  parseProcs,
  parseServiceBytes,
  quotaInCpus,
} from '../../src/sources/cgroupfs.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/cgroup');

/** Every recorded file by its path below the fixtures: real input for the properties. */
const RECORDED = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

/** Text that is random, or recorded and then damaged: cut short, a piece lost, a character replaced. */
const damaged = fc
  .tuple(fc.constantFrom(...RECORDED), fc.nat(2000), fc.nat(2000), fc.string({ maxLength: 3 }))
  .map(([path, a, b, junk]) => {
    const text = readFileSync(path, 'utf8');
    return text.slice(0, Math.min(a, b)) + junk + text.slice(Math.max(a, b));
  });
const anyText = fc.oneof(fc.string({ maxLength: 300 }), damaged);

describe('figures', () => {
  test('flat keyed files', () => {
    const fields = parseFields('anon 5345280\nfile 0\nslab_unreclaimable 54296\n');
    expect([...fields]).toEqual([
      ['anon', 5345280],
      ['file', 0],
      ['slab_unreclaimable', 54296],
    ]);
  });

  test('what is not a key and a number is left out', () => {
    expect([...parseFields('anon\nfile \nshmem x\nslab -1\nsock 1 2\nrss 12a\nkernel 0x10\n 5\n')]).toEqual([]);
  });

  test('single numbers, with and without a limit', () => {
    expect(parseNumber('9043968\n')).toBe(9043968);
    expect(parseNumber('')).toBeNull();
    expect(parseNumber('max\n')).toBeNull();
    expect(parseLimit('67108864\n')).toBe(67108864);
    expect(parseLimit('0\n')).toBe(0);
    expect(parseLimit('\n')).toBeNull();
  });

  test.each(['max\n', '9223372036854771712\n', '9223372036854710272\n', '18446744073709551615\n'])('%j is no limit', (text) => {
    expect(parseLimit(text)).toBe(Infinity);
  });

  test('CPU quotas of both versions are in CPUs', () => {
    expect(parseCpuMax('20000 100000\n')).toBe(0.2);
    expect(parseCpuMax('max 100000\n')).toBe(Infinity);
    expect(parseCpuMax('max\n')).toBeNull();
    expect(parseCpuMax('20000 0\n')).toBeNull();
    expect(quotaInCpus('50000\n', '100000\n')).toBe(0.5);
    expect(quotaInCpus('-1\n', '100000\n')).toBe(Infinity);
    expect(quotaInCpus('-2\n', '100000\n')).toBeNull();
    expect(quotaInCpus('', '')).toBeNull();
  });

  test('pressure is in seconds; a kernel without the full line has none', () => {
    const some = 'some avg10=84.49 avg60=29.02 avg300=6.87 total=22296454\n';
    expect(parsePressure(`${some}full avg10=70.52 avg60=24.27 avg300=5.75 total=18727088\n`)).toEqual({ some: 22.296454, full: 18.727088 });
    expect(parsePressure(some)).toEqual({ some: 22.296454, full: null });
    expect(parsePressure('')).toEqual({ some: null, full: null });
  });

  test('block I/O of version 2, with bare devices and other figures on the line', () => {
    const text = '8:0 \n254:0 rbytes=9437184 wbytes=2097152 rios=9 wios=513 dbytes=0 dios=0\n259:0 cost.usage=5\n';
    expect([...parseIoStat(text)!]).toEqual([['254:0', { read: 9437184, written: 2097152 }]]);
    expect(parseIoStat('')!.size).toBe(0);
    expect(parseIoStat('rubbish\n')).toBeNull();
  });

  test('block I/O of version 1; without a device it is not counted', () => {
    const text = '254:0 Read 4263936\n254:0 Write 4202496\n254:0 Sync 8466432\n254:0 Total 8466432\nTotal 8466432\n';
    expect([...parseServiceBytes(text)!]).toEqual([['254:0', { read: 4263936, written: 4202496 }]]);
    expect(parseServiceBytes('Total 0\n')).toBeNull();
  });

  test('process lists', () => {
    expect(parseProcs('1\n95\n0\n\n')).toEqual([1, 95, 0]);
  });
});

describe('where a process is', () => {
  test('hybrid membership, several controllers in one hierarchy, colons and spaces in paths', () => {
    const { unified, controllers } = parseMembership(
      '9:name=systemd:/init\n4:cpu,cpuacct:/a:b/c d\n3:memory:/x (deleted)\n0::/user.slice\n',
    );
    expect(unified).toBe('/user.slice');
    expect(Object.fromEntries(controllers)).toEqual({ 'name=systemd': '/init', cpu: '/a:b/c d', cpuacct: '/a:b/c d', memory: '/x' });
  });

  test('mounts, the widest first, with escaped paths; other file systems are none', () => {
    const text = [
      '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
      '35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime master:1 - cgroup cgroup rw,memory',
      '36 31 0:33 / /mnt/a\\040b rw - cgroup2 cgroup2 rw,nsdelegate',
      'damaged line',
    ].join('\n');
    expect(parseCgroupMounts(text)).toEqual([
      { version: 2, controllers: [], root: '/', point: '/mnt/a b' },
      { version: 1, controllers: ['rw', 'memory'], root: '/docker/abc', point: '/sys/fs/cgroup/memory' },
    ]);
  });

  test.each([
    ['/', '/', ''],
    ['/a/b', '/', '/a/b'],
    ['/a/b', '/a', '/b'],
    ['/a/b', '/a/b', ''],
    ['/ab', '/a', null],
    ['/a', '/a/b', null],
    ['/../other', '/', null],
    ['/../other', '/../other', ''],
    ['/../../pod/app', '/../../pod', '/app'],
  ])('%s below %s is %s', (path, root, expected) => {
    expect(below(path, root)).toBe(expected);
  });

  test('what several paths share', () => {
    expect(commonPath(['/pod/a', '/pod/b'])).toBe('/pod');
    expect(commonPath(['/pod/a', '/pod/ab'])).toBe('/pod');
    expect(commonPath(['/a', '/b'])).toBe('/');
    expect(commonPath(['/a/b', '/a/b'])).toBe('/a/b');
  });
});

describe('any input', () => {
  const figures = (text: string): (number | null)[] => [
    ...parseFields(text).values(),
    parseNumber(text),
    parseLimit(text),
    parseCpuMax(text),
    quotaInCpus(text, '100000'),
    ...Object.values(parsePressure(text)),
    ...[...(parseIoStat(text)?.values() ?? []), ...(parseServiceBytes(text)?.values() ?? [])].flatMap(({ read, written }) => [
      read,
      written,
    ]),
    ...parseProcs(text),
  ];

  test('nothing throws, and a figure is a number at least 0 or unknown', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const figure of figures(text)) expect(figure === null || figure >= 0, `${figure}`).toBe(true);
        parseMembership(text);
        parseCgroupMounts(text);
      }),
      { numRuns: fc.tries(2000) },
    );
  });

  test('a zero is read only where a zero is written', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const without = text.replaceAll('0', '');
        for (const [key, value] of parseFields(without)) expect(value, key).not.toBe(0);
        for (const one of [parseNumber(without), parseLimit(without), parseCpuMax(without), ...Object.values(parsePressure(without))]) {
          expect(one).not.toBe(0);
        }
        for (const { read, written } of parseIoStat(without)?.values() ?? []) expect(read * written).not.toBe(0);
      }),
      { numRuns: fc.tries(2000) },
    );
  });

  test('every field written is read back', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_]{1,12}$/), fc.maxSafeNat()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, (list) => {
        const text = list.map(([key, value]) => `${key} ${value}\n`).join('');
        expect([...parseFields(text)]).toEqual(list);
      }),
    );
  });

  test('a path below a root comes back when joined, and never leaves it', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'a b', '..'), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(path, path, (whole, root) => {
        const rest = below(whole, root);
        if (rest === null) return;
        expect(rest.split('/')).not.toContain('..');
        expect(`${root === '/' ? '' : root}${rest}` || '/').toBe(whole);
      }),
    );
  });
});
