import { describe, expect, test } from 'vitest';
import { isJudgedPhase, PhasePlan } from '../../src/phases.ts';

describe('planned phases', () => {
  const phases = [
    { name: 'warmup', seconds: 60 },
    { name: 'steady', seconds: 600 },
    { name: 'fault', seconds: 30 },
    { name: 'steady', seconds: null },
  ];

  test('begin once each, at their time', () => {
    const plan = new PhasePlan(phases, 0);
    expect([0, 1, 60.2, 61, 660, 700, 9999].map((t) => plan.due(t))).toEqual([['warmup'], [], ['steady'], [], ['fault'], ['steady'], []]);
  });

  test('that began before a resumption do not begin again, and those missed meanwhile do', () => {
    const plan = new PhasePlan(phases, 70);
    expect(plan.due(71)).toEqual([]);
    expect(plan.due(695)).toEqual(['fault', 'steady']);
  });
});

test.each(['warmup', 'warm-up', 'ramp-up', 'fault', 'fault-db', 'recovery', 'cooldown', 'cool-down', 'idle'])('%s is not judged', (name) =>
  expect(isJudgedPhase(name)).toBe(false),
);
test.each(['steady', 'load', 'faultless', 'peak', 'idler'])('%s is judged', (name) => expect(isJudgedPhase(name)).toBe(true));
