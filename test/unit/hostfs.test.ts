import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import {
  mountOf,
  parseDiskstats,
  parseFdinfo,
  parseLoad,
  parseMeminfo,
  parseMountinfo,
  parseNetDev,
  parseStat,
} from '../../src/sources/hostfs.ts';

const RECORDED = new URL('../fixtures/host/first/proc', import.meta.url).pathname;

const recorded = (name: string): string => readFileSync(join(RECORDED, name), 'utf8');

describe('recorded files', () => {
  test('stat: seconds by mode, hard and soft interrupts together', () => {
    const stat = parseStat(recorded('stat'));
    const [, user, nice, system, idle, iowait, irq, softirq, steal] = recorded('stat').split('\n')[0]!.split(/\s+/).map(Number);
    expect(stat.times).toEqual({
      user: user! / 100,
      nice: nice! / 100,
      system: system! / 100,
      idle: idle! / 100,
      iowait: iowait! / 100,
      interrupt: (irq! + softirq!) / 100,
      steal: steal! / 100,
    });
    expect(stat.cpus).toBe(2);
    expect(stat.created).toBe(Number(/^processes (\d+)$/m.exec(recorded('stat'))![1]));
  });

  test('meminfo: kilobytes are bytes, counts of huge pages are not', () => {
    const memory = parseMeminfo(recorded('meminfo'));
    expect(memory.get('MemTotal')).toBe(24684096 * 1024);
    expect(memory.get('SwapTotal')).toBe(0);
    expect(memory.get('Active(anon)')).toBeGreaterThan(0);
    expect(memory.has('HugePages_Total')).toBe(false);
  });

  test('loadavg', () => {
    expect(parseLoad(recorded('loadavg'))).toBe(Number(recorded('loadavg').split(' ')[0]));
  });

  test('diskstats: sectors of 512 bytes, milliseconds', () => {
    const disks = parseDiskstats(recorded('diskstats'));
    expect(disks.get('vda')).toEqual({
      read: { operations: 148211, bytes: 7898618 * 512, time: 120.81 },
      write: { operations: 104415, bytes: 4227144 * 512, time: 13.576 },
      busy: 16.204,
    });
    expect([...disks.keys()]).toContain('loop0');
  });

  test('net/dev: bytes, errors, dropped, each way', () => {
    const interfaces = parseNetDev(recorded('net/dev'));
    expect([...interfaces.keys()]).toEqual(['lo', 'ifb0', 'ifb1', 'eth0']);
    const line = recorded('net/dev')
      .split('\n')
      .find((text) => text.includes('eth0'))!
      .split(':')[1]!
      .trim()
      .split(/\s+/)
      .map(Number);
    expect(interfaces.get('eth0')).toEqual({
      receive: { bytes: line[0], errors: line[2], dropped: line[3] },
      transmit: { bytes: line[8], errors: line[10], dropped: line[11] },
    });
  });

  test('mountinfo', () => {
    const mounts = parseMountinfo(recorded('self/mountinfo'));
    expect(mounts.find(({ point }) => point === '/')).toEqual({ id: 27, device: '254:0', point: '/', type: 'ext4', writable: true });
    expect(mounts).toHaveLength(recorded('self/mountinfo').trim().split('\n').length);
  });
});

describe('what other kernels write', () => {
  test('the oldest diskstats have 11 figures, partitions fewer once', () => {
    const disks = parseDiskstats('   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n   8  1 sda1 1 2 3 4\n');
    expect(disks.get('sda')).toEqual({
      read: { operations: 1, bytes: 3 * 512, time: 0.004 },
      write: { operations: 5, bytes: 7 * 512, time: 0.008 },
      busy: 0.01,
    });
    expect(disks.has('sda1')).toBe(false);
  });

  test('no space after the colon of an interface, and a colon in its name', () => {
    const interfaces = parseNetDev('eth0:12345 1 2 3 0 0 0 0 6 7 8 9 0 0 0 0\n eth0:1: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n');
    expect(interfaces.get('eth0')?.receive).toEqual({ bytes: 12345, errors: 2, dropped: 3 });
    expect(interfaces.get('eth0:1')?.transmit.bytes).toBe(2);
  });

  test('a CPU line without steal, of a kernel before 2.6.11, is not guessed at', () => {
    expect(parseStat('cpu  1 2 3 4 5 6 7\nintr 1\nprocesses 9\n')).toEqual({ times: null, cpus: null, created: 9 });
  });

  test('mount points with spaces and backslashes, optional fields, read-only mounts and file systems', () => {
    const mounts = parseMountinfo(
      [
        String.raw`40 1 8:1 / /mnt/a\040b\134c rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw`,
        '41 1 8:2 / /ro ro - ext4 /dev/sda2 rw',
        '42 1 8:3 / /super rw - iso9660 /dev/sr0 ro,relatime',
        '43 1 8:4 / /short rw',
        '',
      ].join('\n'),
    );
    expect(mounts).toEqual([
      { id: 40, device: '8:1', point: String.raw`/mnt/a b\c`, type: 'ext4', writable: true },
      { id: 41, device: '8:2', point: '/ro', type: 'ext4', writable: false },
      { id: 42, device: '8:3', point: '/super', type: 'iso9660', writable: false },
    ]);
  });

  test('fdinfo: the access mode is the last two bits of octal flags', () => {
    expect(parseFdinfo('pos:\t0\nflags:\t0100000\nmnt_id:\t27\nino:\t1\n')).toEqual({ writes: false, mount: 27 });
    expect(parseFdinfo('pos:\t5\nflags:\t0102001\nmnt_id:\t27\n')).toEqual({ writes: true, mount: 27 });
    expect(parseFdinfo('pos:\t5\nflags:\t02\n')).toEqual({ writes: true, mount: null });
    expect(parseFdinfo('pos:\t5\nflags:\t010000000\nmnt_id:\t9\n')).toEqual({ writes: false, mount: 9 });
    expect(parseFdinfo('nothing')).toBeNull();
  });
});

describe('mountOf', () => {
  const mounts = parseMountinfo(
    [
      '1 0 8:1 / / rw - ext4 a rw',
      '2 1 8:2 / /data rw - ext4 b rw',
      '3 1 0:9 / /data rw - tmpfs c rw',
      '4 1 8:3 / /data/x rw - xfs d rw',
      '',
    ].join('\n'),
  );

  test.each([
    ['/', 1],
    ['/database/file', 1],
    ['/data', 3], // the later mount at a point hides the earlier one
    ['/data/file', 3],
    ['/data/x/y/z', 4],
  ])('%s is on mount %i', (path, id) => {
    expect(mountOf(mounts, path)?.id).toBe(id);
  });

  test('no table, no mount', () => {
    expect(mountOf([], '/data')).toBeNull();
  });
});

/** Every figure of a result, with the way to it. */
function figures(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (value instanceof Map) return [...value].flatMap(([key, inner]) => figures(inner, `${path}/${String(key)}`));
  if (Array.isArray(value)) return value.flatMap((inner: { id: number }) => figures(inner, `${path}/${inner.id}`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => figures(inner, `${path}/${key}`));
}

describe.each<[string, (text: string) => unknown]>([
  ['stat', parseStat],
  ['meminfo', parseMeminfo],
  ['loadavg', parseLoad],
  ['diskstats', parseDiskstats],
  ['net/dev', parseNetDev],
  ['self/mountinfo', parseMountinfo],
])('parser of %s', (name, parse) => {
  const whole = recorded(name);
  const truth = new Map(figures(parse(whole)));

  test('a read that was cut short leaves figures out and changes none', () => {
    fc.assert(
      fc.property(fc.nat(whole.length), (end) => {
        for (const [path, value] of figures(parse(whole.slice(0, end)))) expect(value).toBe(truth.get(path));
      }),
      { numRuns: fc.tries(400) },
    );
  });

  test('garbage never throws and never gives what is not a number', () => {
    const damaged = fc.tuple(fc.nat(whole.length), fc.nat(40), fc.string({ maxLength: 40 })).map(([at, length, text]) => {
      return whole.slice(0, at) + text + whole.slice(at + length);
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ maxLength: 500 }), fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        for (const [, value] of figures(parse(text))) expect(value).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: fc.tries(400) },
    );
  });

  test('a text without digits has no figures', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z :\n\t-]*$/), (text) => {
        expect(figures(parse(text))).toEqual([]);
      }),
    );
  });
});
