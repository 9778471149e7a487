/** The shape of a report for programs that read it: JSON Schema derives from it, and tests hold every report against it. */
import * as z from 'zod/mini';
import { FINDING_KINDS } from '../analysis/verdict.ts';
import { EVENT_KINDS } from '../tick.ts';

const text = z.string();
const number = z.number();
const count = z.int().check(z.nonnegative());
const index = count;
const maybe = <T extends z.core.SomeType>(type: T) => z.nullable(type);
const list = <T extends z.core.SomeType>(type: T) => z.readonly(z.array(type));

const OUTCOME = z.enum(['pass', 'fail', 'inconclusive']);
const GRADE = z.enum(['none', 'suspected', 'confirmed', 'retracted']);
const SPAN = z.strictObject({ from: number, to: number });
const ONSET = z.strictObject({ at: number, lo: number, hi: number });
const LIMIT = z.strictObject({ value: number, from: text });
const FIGURE = maybe(z.union([text, number]));

const FINDING = {
  id: text,
  kind: z.enum(FINDING_KINDS),
  outcome: OUTCOME,
  target: maybe(text),
  series: list(text),
  from: maybe(text),
  to: maybe(text),
  why: text,
  evidence: z.record(text, FIGURE),
};

const SERIES = z.strictObject({
  id: text,
  target: maybe(text),
  member: maybe(text),
  metric: text,
  unit: text,
  labels: z.record(text, text),
  gated: z.boolean(),
  outcome: OUTCOME,
  grade: GRADE,
  gradeHistory: list(z.strictObject({ grade: GRADE, at: text })),
  class: maybe(text),
  shape: maybe(text),
  level: maybe(number),
  limit: maybe(LIMIT),
  floorPerHour: maybe(number),
  slope: maybe(z.strictObject({ perHour: number, lo: number, hi: number, confidence: number })),
  perRequest: maybe(number),
  onset: maybe(z.strictObject({ at: text, lo: text, hi: text })),
  exhaustion: maybe(z.strictObject({ at: text, lo: text, hi: maybe(text) })),
  smallestDetectablePerHour: maybe(number),
  hoursToSettle: maybe(number),
  why: text,
});

const BAND = z.strictObject({
  from: number,
  to: number,
  seconds: number,
  users: maybe(number),
  latency: maybe(number),
  p95: maybe(number),
  errors: maybe(number),
  cpu: maybe(number),
});

const VERDICT = z.strictObject({
  schema: z.literal(1),
  run: z.strictObject({ id: text, start: text, end: maybe(text), planned: maybe(text), agent: text, configHash: text }),
  outcome: OUTCOME,
  reasons: list(text),
  coverage: maybe(number),
  work: z.strictObject({ steady: z.boolean(), stoppedAt: maybe(text) }),
  blind: list(z.strictObject({ target: maybe(text), metric: text, reason: text })),
  series: list(SERIES),
  findings: list(z.strictObject(FINDING)),
  capacity: list(z.strictObject({ target: maybe(text), bands: list(BAND), instances: count, usersPerInstance: maybe(number) })),
  phases: list(z.strictObject({ name: text, from: text, judged: z.boolean() })),
  events: list(z.strictObject({ at: text, kind: z.enum(EVENT_KINDS), target: maybe(text), member: maybe(text), message: text })),
});

const CHART = z.strictObject({
  from: number,
  step: number,
  mean: list(maybe(number)),
  min: maybe(list(maybe(number))),
  max: maybe(list(maybe(number))),
});

const FIT = z.strictObject({
  from: number,
  to: number,
  stream: text,
  points: count,
  lives: count,
  t: list(number),
  y: list(maybe(number)),
  within: number,
  shapes: list(z.strictObject({ kind: text, weight: number })),
  bend: maybe(number),
  onset: maybe(ONSET),
  forecast: maybe(z.strictObject({ t: list(number), y: list(number), lo: list(number), hi: list(number) })),
});

const SIGNAL = z.strictObject({
  id: text,
  series: count,
  anchor: text,
  target: maybe(text),
  member: maybe(text),
  metric: text,
  name: text,
  help: text,
  panel: text,
  counter: z.boolean(),
  unit: text,
  lane: z.enum(['load', 'latency', 'signal']),
  judged: maybe(index),
  outcome: maybe(OUTCOME),
  gated: z.boolean(),
  now: maybe(number),
  chart: CHART,
  restarts: list(number),
  limits: list(z.strictObject({ t: number, value: number, from: text })),
  fit: maybe(FIT),
});

const RUN = z.strictObject({
  id: text,
  state: z.enum(['running', 'finished', 'unfinished']),
  start: number,
  t: number,
  planned: maybe(number),
  interval: number,
  agent: text,
  configHash: text,
  host: z.record(text, FIGURE),
  notes: list(text),
});

export const REPORT = z.strictObject({
  schema: z.literal(1),
  sentence: text,
  run: RUN,
  verdict: VERDICT,
  findings: list(z.strictObject({ ...FINDING, anchor: text, title: text, signals: list(index), settle: maybe(text), steps: list(text) })),
  signals: list(SIGNAL),
  pools: list(
    z.strictObject({ title: text, anchor: text, states: list(z.strictObject({ state: text, signal: index })), max: maybe(index) }),
  ),
  timeline: z.strictObject({
    phases: list(z.strictObject({ name: text, from: number, to: number, judged: z.boolean() })),
    gaps: list(SPAN),
    marks: list(z.strictObject({ t: number, kind: z.enum(EVENT_KINDS), target: maybe(text), text })),
  }),
  cost: list(z.strictObject({ name: text, value: maybe(number), unit: text })),
  config: z.record(text, z.unknown()),
  reproduce: list(text),
  left: z.strictObject({ signals: count, series: count, findings: count }),
});

/** For programs: keys that a later version adds must not make a reader refuse what it knows. */
export function reportJsonSchema(): object {
  const schema = z.toJSONSchema(REPORT, {
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return {
    ...schema,
    title: 'A soak-agent report',
    description: 'As `soak-agent report RUN --json` and `/api/report` give it; docs/report.md says what it means.',
  };
}
