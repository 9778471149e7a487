/**
 * `npm run bench:detector`: our judge and the rules that people use today on the families of this folder.
 *
 *   --seed TEXT          other draws of the same families (default 1)
 *   --leaky N, --clean N series per family (default 8)
 *   --group NAME         research, mechanisms or fresh only
 *   --only a,b           these families only
 *   --rules              the rules as well, not only our judge
 *   --floors NAME        product: growth that the product reports by default; small: 0.02 %/h of the level, 0.05/h (default both)
 *   --by-family          a second table with a line per family
 *   --dt SECONDS         between samples (default 10)
 *   --jobs N             processes (default 2)
 *   --json FILE          every figure and every series
 */
import { writeFileSync } from 'node:fs';
import { create, type Floors } from '../leakbench-adapter.ts';
import type { Detector } from './detector.ts';
import { type Family, GROUPS } from './families/index.ts';
import { answerOr, spread } from './jobs.ts';
import { draw } from './labelled.ts';
import { RULES } from './rules/index.ts';
import { type Row, rowOf } from './score.ts';
import { summarise, type Summary } from './summary.ts';
import { type Cell, decimal, percent, table } from './table.ts';
import { given, refuse } from './usage.ts';

/** Our judge at one of the two floors; as it grades, `suspected` comes before the verdict. */
const ours = (floors: Floors): Detector => ({
  name: `soak-agent (${floors})`,
  create(context) {
    const running = create(context, floors);
    return {
      push: (t, value, load) => running.push(t, value, load),
      restart: (t) => running.restart(t),
      verdict(at) {
        const said = running.verdict(at);
        return { ...said, suspects: said.leak || said.grades?.at(-1) === 'suspected' };
      },
    };
  },
});

interface Task {
  readonly family: string;
  readonly seed: string;
  readonly series: number;
  readonly dt: number;
  readonly floors: readonly Floors[];
  readonly rules: boolean;
}

type Rows = Readonly<Record<string, readonly Row[]>>;

const FAMILIES = new Map<string, Family>(GROUPS.flatMap(({ leaky, clean }) => [...leaky, ...clean]).map((family) => [family.id, family]));

function played({ family, seed, series, dt, floors, rules }: Task): Rows {
  const detectors = [...floors.map(ours), ...(rules ? RULES : [])];
  const rows: Record<string, Row[]> = Object.fromEntries(detectors.map(({ name }) => [name, []]));
  for (let i = 0; i < series; i++) {
    const drawn = draw(FAMILIES.get(family)!, seed, i, dt);
    for (const detector of detectors) rows[detector.name]!.push(rowOf(detector, drawn));
  }
  return rows;
}

const COLUMNS: readonly (readonly [string, (s: Summary) => Cell])[] = [
  ['F1', (s) => decimal(s.f1, 3)],
  ['prec', (s) => decimal(s.precision, 3)],
  ['recall', (s) => decimal(s.recall, 3)],
  ['FPRend', (s) => percent(s.falseAtEnd, 1)],
  ['FPRever', (s) => percent(s.falseEver)],
  ['FPRsettled', (s) => percent(s.falseSettled, 1)],
  ['early', (s) => percent(s.early)],
  ['found', (s) => percent(s.found)],
  ['delay', (s) => (s.delayMinutes === null ? '-' : `${s.delayMinutes.toFixed(0)}m`)],
  ['x min', (s) => decimal(s.delay)],
  ['susp x', (s) => decimal(s.suspicion)],
  ['cover', (s) => percent(s.coverage)],
  ['slopeErr', (s) => percent(s.slopeError, 1)],
  ['etaErr', (s) => percent(s.etaError)],
  ['AUC', (s) => decimal(s.auc, 3)],
  ['open >=8h', (s) => percent(s.openLong)],
  ['open <8h', (s) => percent(s.openShort)],
  ['us/sample', (s) => decimal(s.microsPerSample, 1)],
];

function overall(rows: Rows, names: readonly string[], floors: Floors): string {
  const body = names.map((name) => {
    const summary = summarise(rows[name]!, floors);
    return [name, ...COLUMNS.map(([, cell]) => cell(summary))];
  });
  return table(['detector', ...COLUMNS.map(([head]) => head)], body);
}

/** Leaky: share called a leak at the end. Clean: at the end / ever after it settled / ever. `n`: series that count. */
function byFamily(rows: Rows, names: readonly string[], floors: Floors, families: readonly string[]): string {
  const body = families.map((id) => {
    const of = (name: string): Summary =>
      summarise(
        rows[name]!.filter((row) => row.family === id),
        floors,
      );
    const first = of(names[0]!);
    const cell = (s: Summary): string =>
      s.leaky > 0
        ? percent(s.recall)
        : s.clean > 0
          ? [s.falseAtEnd, s.falseSettled, s.falseEver].map((v) => (100 * v!).toFixed(0)).join('/')
          : '-';
    return [`${id}: ${FAMILIES.get(id)!.name}`, first.leaky + first.clean, ...names.map((name) => cell(of(name)))];
  });
  return table(['family', 'n', ...names], body);
}

function asked() {
  const { values } = given(import.meta.url, {
    seed: { type: 'string', default: '1' },
    leaky: { type: 'string', default: '8' },
    clean: { type: 'string', default: '8' },
    group: { type: 'string' },
    only: { type: 'string' },
    rules: { type: 'boolean', default: false },
    floors: { type: 'string' },
    'by-family': { type: 'boolean', default: false },
    dt: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'string' },
  });
  const only = values.only?.split(',');
  const unknown = only?.filter((id) => !FAMILIES.has(id)) ?? [];
  if (unknown.length > 0) refuse(`there is no family ${unknown.join(', ')}; there are ${[...FAMILIES.keys()].join(' ')}`);
  const groups = GROUPS.filter(({ name }) => values.group === undefined || name === values.group);
  const wanted = (id: string): boolean => only === undefined || only.includes(id);
  const floors: readonly Floors[] = values.floors === undefined ? ['product', 'small'] : [values.floors === 'small' ? 'small' : 'product'];
  const of = (kind: 'leaky' | 'clean'): Task[] =>
    groups
      .flatMap((group) => group[kind])
      .filter(({ id }) => wanted(id))
      .map(({ id }) => ({
        family: id,
        seed: values.seed,
        series: Number(values[kind]),
        dt: Number(values.dt),
        floors,
        rules: values.rules,
      }));
  return { values, floors, tasks: [...of('leaky'), ...of('clean')] };
}

async function main(): Promise<void> {
  const { values, floors, tasks } = asked();
  const began = performance.now();
  const progress = (done: number): unknown => process.stderr.isTTY && process.stderr.write(`\r${done} of ${tasks.length} families `);
  const answers = await spread<Rows>(import.meta.url, tasks, Number(values.jobs), progress);
  const rows: Record<string, Row[]> = {};
  for (const answer of answers) for (const [name, list] of Object.entries(answer)) (rows[name] ??= []).push(...list);
  for (const asks of floors) {
    const names = [ours(asks).name, ...(values.rules ? RULES.map(({ name }) => name) : [])];
    const { leaky, clean, notCounted } = summarise(rows[names[0]!]!, asks);
    console.log(
      `\nFloors: ${asks}. ${leaky} leaky and ${clean} clean series, ${notCounted} left out: ambiguous, or the growth is beside the floor.\n`,
    );
    console.log(overall(rows, names, asks));
    if (values['by-family'])
      console.log(
        `\n${byFamily(
          rows,
          names,
          asks,
          tasks.map(({ family }) => family),
        )}`,
      );
  }
  console.log(`\nseed ${values.seed}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ seed: values.seed, rows }));
}

await answerOr(played, main);
