import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/clock.ts';
import { FILE_SYSTEMS_MAX } from '../../src/sources/host-metrics.ts';
import { WrittenFileSystems } from '../../src/sources/host-mounts.ts';
import { blindSpots } from '../../src/sources/source.ts';
import { Readings } from '../readings.ts';

let root: string;
let readings: Readings;

const OWN = [
  '1 0 254:0 / / rw - ext4 /dev/vda rw',
  '2 1 0:5 / /proc rw - proc proc rw',
  '3 1 0:6 / /dev rw - tmpfs tmpfs rw',
  '4 3 0:7 / /dev/shm rw - tmpfs shm rw',
  '5 1 8:1 / /data rw - xfs /dev/sda1 rw',
  '6 1 8:1 /sub /srv/very/long rw - xfs /dev/sda1 rw',
  '7 1 0:44 / /mnt/nfs rw - nfs4 server:/export rw',
  '8 1 8:9 / /media ro - ext4 /dev/sdb1 ro',
];

interface Fake {
  readonly cwd?: string;
  /** Path of a link, and its fdinfo. */
  readonly fds?: readonly (readonly [link: string, flags: string, mount: number])[];
  readonly mounts?: readonly string[];
}

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, 'proc', path)), { recursive: true });
  writeFileSync(join(root, 'proc', path), text);
}

function link(path: string, to: string): void {
  mkdirSync(dirname(join(root, 'proc', path)), { recursive: true });
  symlinkSync(to, join(root, 'proc', path));
}

function process(pid: number, { cwd = '/', fds = [], mounts }: Fake): void {
  link(`${pid}/ns/mnt`, mounts ? 'mnt:[2]' : 'mnt:[1]');
  link(`${pid}/cwd`, cwd);
  mkdirSync(join(root, `proc/${pid}/fd`), { recursive: true });
  fds.forEach(([to, flags, mount], fd) => {
    link(`${pid}/fd/${fd}`, to);
    put(`${pid}/fdinfo/${fd}`, `pos:\t0\nflags:\t${flags}\nmnt_id:\t${mount}\nino:\t1\n`);
  });
  if (mounts) put(`${pid}/mountinfo`, `${mounts.join('\n')}\n`);
}

function written(): WrittenFileSystems {
  return new WrittenFileSystems(readings.ctx, root, blindSpots());
}

const labels = (found: WrittenFileSystems): string[] => found.all().map(({ label }) => label);

describe('which file systems are written to', () => {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'soak-mounts-'));
    readings = new Readings({ proc: join(root, 'proc'), sys: join(root, 'sys') }, {}, new SystemClock());
    put('self/mountinfo', `${OWN.join('\n')}\n`);
    link('self/ns/mnt', 'mnt:[1]');
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  test('those of the records, of working directories and of files open for writing, servers last', () => {
    process(10, {
      cwd: '/mnt/nfs/home',
      fds: [
        ['/data/log', '0102001', 5],
        ['/dev/shm/ring', '02', 4],
      ],
    });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    expect(labels(found)).toEqual(['/', '/dev/shm', '/data', '/mnt/nfs']);
    expect(found.all()[0]!.path).toBe(root);
    expect(readings.events).toEqual([]);
  });

  test('not what is only read, read-only, a view of the kernel, a terminal, a socket or in memory', () => {
    process(10, {
      cwd: '/media/x',
      fds: [
        ['/data/read', '0100000', 5],
        ['/proc/self/oom_score_adj', '02', 2],
        ['/dev/null', '02', 3],
        ['socket:[1234]', '02', 9],
        ['/memfd:x (deleted)', '02', 99],
      ],
    });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    expect(labels(found)).toEqual(['/']);
  });

  test('a deleted file still fills its disk', () => {
    process(10, { fds: [['/data/gone (deleted)', '01', 5]] });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    expect(labels(found)).toEqual(['/', '/data']);
  });

  test('one disk mounted twice is one file system', () => {
    process(10, { cwd: '/srv/very/long', fds: [['/data/log', '01', 5]] });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    expect(labels(found)).toEqual(['/', '/data']);
  });

  test('in a container: own names for what both see, through the process for what only it sees', () => {
    const mounts = ['70 60 0:99 / / rw - overlay overlay rw', '71 70 8:1 /vol /var/lib/app rw - xfs /dev/sda1 rw'];
    process(10, { cwd: '/app', mounts, fds: [['/var/lib/app/db', '02', 71]] });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    expect(labels(found)).toEqual(['/', 'api:/', '/data']);
    expect(found.all()[1]).toMatchObject({ device: '0:99', path: join(root, 'proc/10/root/') });

    // Restarted, as the same container: another process, the same file system.
    process(11, { cwd: '/app', mounts });
    readings.bind({ pid: 11 });
    found.look(readings);
    expect(labels(found)).toEqual(['/', 'api:/', '/data']);
    expect(found.all()[1]!.path).toBe(join(root, 'proc/11/root/'));

    // A new container has a new overlay under the same label.
    process(12, { cwd: '/app', mounts: ['90 60 0:123 / / rw - overlay overlay rw'] });
    readings.bind({ pid: 12 });
    found.look(readings);
    expect(labels(found)).toEqual(['/', 'api:/', '/data']);
    expect(found.all()[1]).toMatchObject({ device: '0:123', path: join(root, 'proc/12/root/') });
  });

  test('what is unmounted is forgotten at once: its mount point belongs to another file system now', () => {
    process(10, { cwd: '/data' });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    put('self/mountinfo', `${OWN.filter((line) => !line.includes('/data')).join('\n')}\n`);
    found.refresh(readings);
    expect(labels(found)).toEqual(['/']);
  });

  test('a process that may not be looked into is blind once, one that has ended is nothing', () => {
    process(10, { cwd: '/data' });
    rmSync(join(root, 'proc/10/fd'), { recursive: true });
    writeFileSync(join(root, 'proc/10/fd'), ''); // ENOTDIR stands for any error but "it is gone"
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    found.look(readings);
    expect(labels(found)).toEqual(['/', '/data']);
    expect(readings.events.map(({ kind, target }) => [kind, target])).toEqual([['blind', 'api']]);
    readings.bind({ pid: 4242 });
    readings.events = [];
    found.look(readings);
    expect(readings.events).toEqual([]);
  });

  test('more file systems than the cap: the first are kept, and it is said once', () => {
    const extra = Array.from({ length: 40 }, (_, i) => `${100 + i} 1 9:${i} / /m${i} rw - ext4 /dev/x${i} rw`);
    put('self/mountinfo', `${[...OWN, ...extra].join('\n')}\n`);
    process(10, { fds: extra.map((_, i) => [`/m${i}/f`, '01', 100 + i] as const) });
    readings.bind({ pid: 10 });
    const found = written();
    found.look(readings);
    found.look(readings);
    expect(found.all()).toHaveLength(FILE_SYSTEMS_MAX);
    expect(readings.events.map(({ kind }) => kind)).toEqual(['cap']);
  });

  test('descriptors are looked at in turns: nobody is left out for ever', () => {
    // Eight processes of 200 descriptors do not fit into one look; only the last of each writes anywhere.
    const roles = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const many = new Readings(readings.ctx.roots, {}, new SystemClock());
    const targets = roles.map((role, i) => {
      process(20 + i, { fds: [...Array.from({ length: 199 }, () => ['/data/r', '0', 5] as const), [`/m${i}/w`, '01', 200 + i]] });
      return { ...many.targets.all()[0]!, role, procs: [{ pid: 20 + i, startTime: 1, comm: role, member: null }] };
    });
    put('self/mountinfo', `${[...OWN, ...roles.map((_, i) => `${200 + i} 1 9:${i} / /m${i} rw - ext4 /dev/x rw`)].join('\n')}\n`);
    const ctx = { ...many.ctx, targets: { all: () => targets } as unknown as typeof many.targets };
    const found = new WrittenFileSystems(ctx, root, blindSpots());
    found.look(many);
    const first = found.all().length;
    expect(first).toBeLessThan(9);
    found.look(many);
    expect(found.all()).toHaveLength(9);
  });
});
