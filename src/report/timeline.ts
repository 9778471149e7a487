/** What happened, on the time axis of the run: phases, gaps, restarts, notes and outages. */
import type { Verdict } from '../analysis/verdict.ts';
import type { RunState } from '../runstate.ts';
import { rounded } from './chart.ts';
import { plainName, plainSentence } from './plain.ts';
import type { ReportedTimeline } from './value.ts';

/** Events that are drawn as a line across the charts; the list has all of them. */
const DRAWN: ReadonlySet<string> = new Set([
  'run_resume',
  'restart',
  'mark',
  'oom_kill',
  'target_gone',
  'load_start',
  'load_end',
  'server_down',
  'server_up',
  'server_changed',
  'probe_down',
  'probe_up',
  'clock_step',
]);

/** More lines than this are a grey surface. */
const MARKS_MAX = 120;

export function timelineOf({ timeline, events, t }: RunState, { phases }: Verdict, seconds: (at: string) => number): ReportedTimeline {
  return {
    phases: phases.map(({ name, from, judged }, i) => {
      const next = phases[i + 1];
      return { name: plainName(name), from: rounded(seconds(from)), to: rounded(next === undefined ? t : seconds(next.from)), judged };
    }),
    gaps: timeline.gaps.map(({ from, to }) => ({ from: rounded(from), to: rounded(to) })),
    marks: events
      .filter(({ kind }) => DRAWN.has(kind))
      .slice(-MARKS_MAX)
      .map(({ t: at, kind, target, message }) => ({ t: rounded(at), kind, target, text: plainSentence(message) })),
  };
}
