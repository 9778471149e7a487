/** How many series that nobody gates by are examined in full. */
import { expect, test } from 'vitest';
import { analyse } from '../../../src/analysis/analyse.ts';
import { NEW_BOOK } from '../../../src/analysis/grades.ts';
import type { SeriesInput } from '../../../src/analysis/judgement.ts';
import { M } from '../../sim/metrics.ts';
import { HOUR, MB, type Simulated, Simulation } from '../../sim/run.ts';
import { constant, line, sum, white } from '../../sim/series.ts';

const leaking: Simulated = { def: M.memory, signal: sum(constant(300 * MB), line(20 * MB), white(1, 2 * MB)) };

test('of advisory series, a thousand are examined at the end; one that was only screened is never confirmed', () => {
  const state = new Simulation({ hours: 1, interval: 10, series: [leaking] }).run().state;
  const one: SeriesInput = {
    series: { ...state.series.get(0), target: null, def: M.advisory },
    gate: 'advisory',
    bins: state.store.bins(0),
    value: 1,
    at: 1,
    lives: [],
    memberLives: [],
    ended: () => [],
    limits: [],
    noPass: null,
    book: NEW_BOOK,
  };
  const { series } = analyse({
    now: HOUR,
    series: Array.from({ length: 1003 }, () => one),
    load: new Map(),
    work: new Map(),
    phases: [],
    gaps: [],
    collections: new Map(),
    plannedEnd: HOUR,
    requiredLifetime: 0,
    options: { warmup: null, judgedUntil: null, final: true },
  });
  const kinds = series.map((judged) => `${judged.examined} ${judged.grade}`);
  expect(new Set(kinds.slice(0, 1000))).toEqual(new Set(['true confirmed']));
  expect(new Set(kinds.slice(1000))).toEqual(new Set(['false suspected']));
});
