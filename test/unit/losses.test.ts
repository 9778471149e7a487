import { expect, test } from 'vitest';
import { Losses } from '../../src/losses.ts';

function noted(lost: (t: number) => boolean, seconds: number): { losses: Losses; told: unknown[] } {
  const told: unknown[] = [];
  const losses = new Losses((kind, message, { data }) => told.push([kind, message, data]));
  for (let t = 0; t < seconds; t++) losses.note('ticks', t, !lost(t));
  return { losses, told };
}

test('a loss is told when it begins and when it has been over for a minute, with how much is missing', () => {
  const { losses, told } = noted((t) => t >= 10 && t < 40, 200);
  expect(losses.ticks).toBe(30);
  expect(told).toEqual([
    ['record_lost', 'ticks cannot be recorded: another program holds it', { what: 'ticks' }],
    ['record_recovered', 'ticks are recorded again: 30 are missing', { what: 'ticks', count: 30, from: 10 }],
  ]);
});

test('a program that holds the record every few seconds for hours is told once', () => {
  const { losses, told } = noted((t) => t % 5 === 0, 7200);
  expect(losses.ticks).toBe(1440);
  expect(told).toHaveLength(1);
});

test('ticks and checkpoints are told apart', () => {
  const told: string[] = [];
  const losses = new Losses((kind, message) => told.push(`${kind}: ${message}`));
  losses.note('checkpoints', 60, false);
  losses.note('ticks', 61, true);
  losses.note('checkpoints', 120, false);
  expect([losses.ticks, losses.checkpoints]).toEqual([0, 2]);
  losses.note('checkpoints', 180, true);
  expect(told).toEqual([
    'record_lost: checkpoints cannot be recorded: the state is larger than an eighth of its cap, or another program holds it',
    'record_recovered: checkpoints are recorded again: 2 are missing',
  ]);
});
