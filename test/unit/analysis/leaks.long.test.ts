/** One leak is one finding, however many signals show it, and is said to be where it is. */
import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../../../src/analysis/verdict.ts';
import { METRICS as SOCKETS } from '../../../src/sources/sockets-metrics.ts';
import { METRICS as CGROUP } from '../../../src/sources/cgroup-metrics.ts';
import { METRICS as PROCESS } from '../../../src/sources/process-metrics.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, rounded, sum, white } from '../../sim/series.ts';

const busy: Simulated = { def: M.cpu, signal: line(0.05 * HOUR) };
const collector = { ...M.cpu, name: 'soak.runtime.collection.time', growth: 'drift', resource: 'collector' } as const;

function memory(def: Simulated['def'], perHour: number, seed: number, more: Partial<Simulated> = {}): Simulated {
  return { def, signal: sum(constant(300 * MB), line(perHour), white(seed, 2 * MB)), ...more };
}

function counted(def: Simulated['def'], perHour: number): Simulated {
  return { def, signal: rounded(sum(constant(50), line(perHour))) };
}

function leaks(...series: Simulated[]): { verdict: Verdict; findings: readonly Finding[] } {
  const verdict = new Simulation({ hours: 8, interval: 30, series: [busy, ...series] }).run().verdict();
  return { verdict, findings: verdict.findings.filter(({ kind, outcome }) => kind === 'leak' && outcome === 'fail') };
}

const classOf = ({ series }: Verdict, id: string): string | null | undefined => series.find((one) => one.id === id)?.class;

describe('growth that several signals show', () => {
  test('is one finding, which the heap leads', () => {
    const { verdict, findings } = leaks(memory(M.memory, 22 * MB, 1), memory(M.heap, 20 * MB, 2), memory(M.advisory, 23 * MB, 3));
    expect(findings.map(({ series }) => series)).toEqual([['api heap', 'api memory.private', 'api size']]);
    expect(findings[0]!.why).toMatch(/it is in the heap of the runtime; with it grow api memory\.private, api size$/);
    expect(classOf(verdict, 'api memory.private')).toBe('heap');
    expect(verdict.reasons).toHaveLength(1);
  });

  test('nothing of the agent grows with the disk of its machine', () => {
    const own = (source: string): Partial<Simulated> => ({ source, target: null });
    const { findings } = leaks(memory(M.memory, 22 * MB, 1, own('host')), memory(M.heap, 20 * MB, 2, own('self')));
    expect(findings.map(({ series }) => series)).toHaveLength(2);
  });

  test('says which of their limits is reached first', () => {
    const limits = [
      { def: M.heapLimit, signal: constant(4000 * MB) },
      { def: M.memoryLimit, signal: constant(900 * MB) },
    ];
    const { findings } = leaks(memory(M.memory, 22 * MB, 1), memory(M.heap, 20 * MB, 2), ...limits);
    expect(findings).toHaveLength(1);
    expect(findings[0]!.why).toMatch(
      /; with it grow api memory\.private; api memory\.private reaches its limit of 900 MB sooner, in (18|19|20)h/,
    );
  });

  test('is led by a heap of foreign data, too, which has no alias', () => {
    const { alias: _, limit: __, ...heap } = M.heap;
    const { findings } = leaks(memory(M.memory, 22 * MB, 1), memory({ ...heap, name: 'heap_used' }, 20 * MB, 2));
    expect(findings.map(({ series }) => series)).toEqual([['api heap_used', 'api memory.private']]);
  });

  test('is outside the heap when the heap does not grow', () => {
    const { verdict, findings } = leaks(memory(M.memory, 22 * MB, 1), memory(M.heap, 0, 2));
    expect(findings.map(({ series }) => series)).toEqual([['api memory.private']]);
    expect(findings[0]!.why).toMatch(/outside the heap/);
    expect([classOf(verdict, 'api memory.private'), classOf(verdict, 'api heap')]).toEqual(['native', 'flat']);
  });

  test('of members is that of their role', () => {
    const members = ['1', '2'].map((member, i) => memory(M.memory, 10 * MB, i, { member }));
    const { findings } = leaks(...members, memory(M.tree, 20 * MB, 9));
    expect(findings.map(({ series }) => series)).toEqual([['api memory.tree', 'api/1 memory.private', 'api/2 memory.private']]);
  });

  test('is told apart by its rate, and bytes from counts', () => {
    const { verdict, findings } = leaks(
      memory(M.memory, 60 * MB, 1),
      memory(M.heap, 10 * MB, 2),
      counted(M.fds, 12),
      counted(M.threads, 12),
    );
    expect(findings.map(({ series }) => series)).toEqual([['api heap'], ['api memory.private'], ['api fds', 'api threads']]);
    expect(classOf(verdict, 'api fds')).toBe('descriptors');
  });

  test('of children that nobody waits for is led by them', () => {
    const { zombies, children } = PROCESS;
    const { findings } = leaks(counted(children, 12), counted(zombies, 12));
    expect(findings.map(({ series }) => series)).toEqual([['api zombies', 'api children']]);
    expect(leaks(counted(children, 12)).verdict.outcome).toBe('fail');
  });

  test('of sockets is led by them and not by the descriptors they are', () => {
    const { outbound, closeWait } = SOCKETS;
    const { findings } = leaks(counted(M.fds, 12), counted(outbound, 12));
    expect(findings.map(({ series }) => series)).toEqual([['api sockets.outbound', 'api fds']]);
    const left = leaks(counted(M.fds, 12), counted(outbound, 12), counted(closeWait, 12));
    expect(left.findings.map(({ series }) => series)).toEqual([['api sockets.close_wait', 'api fds', 'api sockets.outbound']]);
  });

  test('while collections take longer and longer says so', () => {
    const { findings } = leaks(memory(M.memory, 22 * MB, 1), memory(M.heap, 20 * MB, 2), {
      def: collector,
      signal: (t) => 0.01 * t * (1 + t / HOUR),
    });
    expect(findings[0]!.why).toMatch(/collections take more and more time/);
  });
});

describe('growth that decides nothing', () => {
  const held: Simulated[] = [memory(M.memory, 0, 1), { def: M.fds, signal: constant(50) }, { def: M.fdLimit, signal: constant(1024) }];
  const kind = (name: string, perHour: number): Simulated =>
    memory(PROCESS.memoryResident, perHour, 2, { labels: { 'soak.memory.kind': name } });
  const notes = ({ findings }: Verdict): Finding[] => findings.filter((one) => one.kind === 'leak' && one.outcome === 'pass');

  test('is noted, and the run passes: shared memory, which may be a buffer that is filled', () => {
    const { verdict } = leaks(...held, kind('shmem', 60 * MB));
    expect(verdict.outcome).toBe('pass');
    expect(notes(verdict).map(({ why }) => why)).toEqual([
      expect.stringMatching(
        /^api soak\.process\.memory\.resident\{soak\.memory\.kind="shmem"\} grows .* it is advisory and decides nothing$/,
      ),
    ]);
  });

  test('is noted when it is only suspected, too', () => {
    const young = new Simulation({
      hours: 0.25,
      interval: 5,
      series: [busy, ...held, { def: PROCESS.children, signal: rounded(line(1200)) }],
    });
    const verdict = young.run().verdict();
    expect(verdict.outcome).toBe('inconclusive');
    expect(notes(verdict).map(({ why }) => why)).toEqual([
      expect.stringMatching(/^api children grows 1\d{3}\/h .*; suspected, not confirmed: .*; it decides nothing yet$/),
    ]);
  });

  test.each(['anonymous', 'file'])('%s memory is judged elsewhere, or belongs to the kernel', (name) => {
    const { verdict } = leaks(...held, kind(name, 60 * MB));
    expect(notes(verdict)).toEqual([]);
    expect(verdict.series.map(({ id }) => id)).not.toContain(`api soak.process.memory.resident{soak.memory.kind="${name}"}`);
  });

  test.each([
    [0, 1],
    [3, 0],
  ])('of a control group with %d other processes it is told %d times', (foreign, times) => {
    const { anonymous, foreign: others } = CGROUP;
    const group = { source: 'cgroup' };
    const { verdict } = leaks(...held, memory(anonymous, 60 * MB, 2, group), { def: others, signal: constant(foreign), ...group });
    expect(notes(verdict)).toHaveLength(times);
  });

  test('of the load generator is told as such', () => {
    const options = { generators: ['load'] };
    const load = memory(M.advisory, 60 * MB, 2, { target: 'load' });
    const verdict = new Simulation({ hours: 8, interval: 30, series: [busy, ...held, load], options }).run().verdict();
    expect(notes(verdict)).toEqual([]);
    expect(verdict.findings.filter((one) => one.kind === 'generator')).toHaveLength(1);
  });

  test('is told of 64 at most, and once where they are the same', () => {
    const many = Array.from({ length: 80 }, (_, i) => memory(M.advisory, 40 * MB, i, { labels: { n: String(i) } }));
    const [note, ...others] = notes(leaks(...held, ...many).verdict);
    expect(others).toEqual([]);
    expect(note!.series).toHaveLength(64);
  });

  test('is said with a leak that does decide, where they are the same', () => {
    const { verdict, findings } = leaks(memory(M.memory, 22 * MB, 1), memory(M.advisory, 23 * MB, 3));
    expect(findings.map(({ series }) => series)).toEqual([['api memory.private', 'api size']]);
    expect(notes(verdict)).toEqual([]);
  });
});
