import { expect, test } from 'vitest';
import type { EventKind, RunEvent } from '../../src/tick.ts';
import { Timeline } from '../../src/timeline.ts';

function event(t: number, kind: EventKind, data: RunEvent['data'] = {}, member: string | null = null): RunEvent {
  return { t, kind, target: 'api', member, message: '', data };
}

test('lives begin with the first binding and with every restart, per member', () => {
  const timeline = new Timeline();
  timeline.fold(event(1, 'target_found'));
  timeline.fold(event(50, 'restart'));
  timeline.fold(event(60, 'member_start', {}, '2'));
  expect([timeline.lives('api', null), timeline.lives('api', '2'), timeline.lives('other', null), timeline.lives(null, null)]).toEqual([
    [1, 50],
    [60],
    [],
    [],
  ]);
  expect(timeline.restarts).toBe(1);
});

test('the agent has a new life with each of its starts, and the latest ones are kept', () => {
  const timeline = new Timeline();
  timeline.fold({ ...event(0, 'run_start'), target: null });
  expect(timeline.lives(null, null)).toEqual([]);
  timeline.fold({ ...event(50, 'run_resume'), target: null });
  const again = new Timeline();
  again.restore(structuredClone(timeline.snapshot()));
  again.fold({ ...event(90, 'run_resume'), target: null });
  expect([again.lives(null, null), again.lives('api', null), again.restarts]).toEqual([[50, 90], [], 0]);
  expect(timeline.lives(null, null)).toEqual([50]);
  for (let t = 100; t < 1100; t++) again.fold({ ...event(t, 'run_resume'), target: null });
  const lives = again.lives(null, null);
  expect([lives.length, lives[0], lives.at(-1)]).toEqual([64, 50, 1099]);
});

test('the life of a process goes on over another start of the agent, unless the machine was started again', () => {
  const timeline = new Timeline();
  timeline.fold({ ...event(0, 'run_start', { boot: 'a' }), target: null });
  for (const member of [null, '1', '2'])
    timeline.fold(event(1, member === null ? 'target_found' : 'member_start', { startTime: 100 }, member));
  const resumed = (boot: string | null): Timeline => {
    const again = new Timeline();
    again.restore(structuredClone(timeline.snapshot()));
    again.fold({ ...event(50, 'run_resume', { boot }), target: null });
    again.fold(event(51, 'target_found', { startTime: 100 }));
    again.fold(event(51, 'member_start', { startTime: 100 }, '1'));
    again.fold(event(51, 'member_start', { startTime: 300 }, '2'));
    return again;
  };
  const lives = (of: Timeline): unknown[] => [of.lives('api', null), of.lives('api', '1'), of.lives('api', '2'), of.restarts];
  expect(lives(resumed('a'))).toEqual([[1], [1], [1, 51], 0]);
  expect(lives(resumed('b'))).toEqual([[1, 51], [1, 51], [1, 51], 1]);
  expect(lives(resumed(null))).toEqual([[1, 51], [1, 51], [1, 51], 0]);
  const again = resumed('a');
  again.fold(event(70, 'member_start', { startTime: 100 }, '1')); // the slot is taken anew
  expect(again.lives('api', '1')).toEqual([1, 70]);
});

test('a restart that nobody saw, because the agent was not there either, counts', () => {
  const timeline = new Timeline();
  timeline.fold(event(0, 'target_found', { startTime: 100 }));
  timeline.fold(event(5, 'target_found', { startTime: 100 }, '2'));
  timeline.fold(event(9, 'restart', { startTime: 110 }));
  expect(timeline.restarts).toBe(1);
  const again = new Timeline();
  again.restore(structuredClone(timeline.snapshot()));
  again.fold({ ...event(50, 'run_resume'), target: null });
  again.fold(event(51, 'target_found', { startTime: 500 }));
  again.fold(event(51, 'target_found', { startTime: 100 }, '2'));
  expect([again.restarts, again.lives('api', null)]).toEqual([2, [0, 9, 51]]);
  again.fold(event(60, 'target_found', { startTime: 600 })); // after it was gone, which was seen
  expect(again.restarts).toBe(2);
});

test('a worker recycled ten thousand times keeps its first life and its latest ones', () => {
  const timeline = new Timeline();
  for (let t = 0; t < 10_000; t++) timeline.fold(event(t, 'restart', {}, '1'));
  const lives = timeline.lives('api', '1');
  expect([lives.length, lives[0], lives.at(-1)]).toEqual([64, 0, 9999]);
  expect([timeline.restarts, timeline.snapshot().lives[0]?.dropped]).toEqual([10_000, 10_000 - 64]);
});

test('gaps are bounded, their sum is not lost, and nonsense is no gap', () => {
  const timeline = new Timeline();
  const gap = (t: number, data: RunEvent['data'] = {}): void => timeline.fold({ ...event(t, 'gap', data), target: null });
  for (let t = 10; t < 10_010; t += 10) gap(t, { from: t - 4 });
  gap(5, { from: 9 });
  gap(5);
  expect([timeline.gaps.length, timeline.gapSeconds]).toEqual([256, 4000]);
});

test('a gap of one target is none of the run, and one of an agent none between agents', () => {
  const timeline = new Timeline();
  const between = { agents: 'others' };
  timeline.fold({ ...event(30, 'gap', { from: 20 }), target: null });
  timeline.fold({ ...event(50, 'gap', { from: 40, ...between }), target: null });
  expect(timeline.unwatched('worker')).toMatchObject([{ from: 40, to: 50 }]);
  for (let t = 100; t < 10_100; t += 10) timeline.fold(event(t, 'gap', { from: t - 4, ...between }));
  const again = new Timeline();
  again.restore(structuredClone(timeline.snapshot()));
  for (const { gapCount, gapSeconds } of [timeline, again]) expect([gapCount, gapSeconds]).toEqual([2, 20]);
  expect([again.unwatched('api').length, again.unwatched('worker').length]).toEqual([256, 0]);
});

test('phases, and a snapshot that continues', () => {
  const timeline = new Timeline();
  timeline.fold(event(1, 'target_found'));
  timeline.fold(event(2, 'phase', { phase: 'ramp-up', judged: false }));
  timeline.fold(event(9, 'phase', { phase: 'steady' }));
  expect(timeline.phases).toEqual([
    { name: 'ramp-up', from: 2, judged: false },
    { name: 'steady', from: 9, judged: true },
  ]);
  const again = new Timeline();
  again.restore(structuredClone(timeline.snapshot()));
  expect(again.snapshot()).toEqual(timeline.snapshot());
  again.fold(event(20, 'restart'));
  expect(again.lives('api', null)).toEqual([1, 20]);
});
