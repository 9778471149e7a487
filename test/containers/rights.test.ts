/** What the agent reads of another container, by its user and capabilities: the table of docs/containers.md. */
import { describe, expect, test } from 'vitest';
import { haveContainers, Stage } from './stage.ts';

/** Works, and holds 40 files open beside what Node itself has. */
const APP = `
  const { openSync } = require('node:fs');
  const files = Array.from({ length: 40 }, () => openSync('/dev/null', 'r'));
  const server = require('node:http').createServer((q, r) => r.end('ok')).listen(0, '127.0.0.1');
  setInterval(() => { for (let i = 0; i < 3e5; i++); }, 50);`;

const MEMORY = 96 * 2 ** 20;

const NO_CAPABILITY = ['--read-only', '--cap-drop', 'all'];

const USER = [...NO_CAPABILITY, '--security-opt', 'no-new-privileges'];
const ROOT_USER = [...NO_CAPABILITY, '--user', '0:0'];

/** Metrics by what docs/containers.md calls them. */
const WATCHED = {
  'private memory': 'soak_process_memory_private_bytes',
  descriptors: 'process_unix_file_descriptor_count',
  'limit of descriptors': 'soak_process_file_descriptor_limit',
  threads: 'process_thread_count',
  CPU: 'process_cpu_time_seconds_total',
  'disk I/O': 'process_disk_io_bytes_total',
  'memory of the container': 'container_memory_usage_bytes',
  'limit of the container': 'soak_container_memory_limit_bytes',
} as const;

type What = keyof typeof WATCHED;

const ALWAYS: readonly What[] = ['private memory', 'descriptors', 'limit of descriptors', 'threads', 'CPU'];
const THROUGH_ROOT: readonly What[] = ['memory of the container', 'limit of the container'];

describe.runIf(haveContainers)('what is read of another container', () => {
  test.each<[string, readonly string[], readonly What[], string[]]>([
    ['as its user, without a capability', USER, Object.keys(WATCHED) as What[], []],
    ['as another user, without a capability', [...USER, '--user', '1000:1000'], ALWAYS, ['disk.io', 'container', 'filesystem']],
    ['as root, without a capability', ROOT_USER, ALWAYS, ['disk.io', 'container', 'filesystem']],
    ['as root, with SYS_PTRACE', [...ROOT_USER, '--cap-add', 'SYS_PTRACE'], [...ALWAYS, ...THROUGH_ROOT], ['disk.io', 'filesystem']],
    [
      'as root, with SYS_PTRACE and DAC_READ_SEARCH',
      [...ROOT_USER, '--cap-add', 'SYS_PTRACE', '--cap-add', 'DAC_READ_SEARCH'],
      Object.keys(WATCHED) as What[],
      [],
    ],
  ])('%s', async (_, as, expected, blind) => {
    await using stage = new Stage();
    await stage.app(APP, '--memory', String(MEMORY));
    await stage.agent(['--target', 'app=name:node'], { as });
    const page = await stage.page('/metrics');
    const value = (what: What): number | null => {
      const row = new RegExp(`^${WATCHED[what]}\\{[^}]*soak_target="app"[^}]*\\} (\\S+)`, 'm').exec(page);
      return row === null ? null : Number(row[1]);
    };
    expect((Object.keys(WATCHED) as What[]).filter((what) => value(what) !== null).toSorted()).toEqual(expected.toSorted());
    // 40 files of its own, and what Node 24 has open besides.
    expect(value('descriptors')).toBeGreaterThan(55);
    expect(value('descriptors')).toBeLessThan(65);
    if (expected.includes('limit of the container')) expect(value('limit of the container')).toBe(MEMORY);
    await stage.podman('stop', '--time', '20', 'agent');
    // What no user would mend: without systemd this machine has no pressure figures of a version 1 control group, and some kernels count
    // the I/O of one only once it was throttled.
    const spots = stage
      .verdict()!
      .blind.filter(({ target, metric, reason }) => target === 'app' && !metric.includes('pressure') && !reason.startsWith('the kernel'));
    expect(
      [
        ...new Set(
          spots.map(({ metric }) => /disk\.io|container|filesystem/.exec(metric.replace('container.disk.io', 'container'))?.[0] ?? metric),
        ),
      ].toSorted(),
    ).toEqual(blind.toSorted());
    for (const { reason } of spots) expect(reason).toMatch(/user|CAP_/);
  });
});
