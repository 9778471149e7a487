/**
 * The load generator as a suspect. A generator that leaks or is busy to its limit makes latencies of its own, and would be taken for a sick
 * service: what it shows is said first, and what only it has measured is not held against the service then.
 */
import { seriesLabel } from '../series.ts';
import type { SeriesJudgement } from './judgement.ts';
import { inWords } from './sentence.ts';

export interface GeneratorFinding {
  readonly role: string;
  readonly series: readonly string[];
  readonly why: string;
  readonly from: number | null;
  readonly evidence: Readonly<Record<string, string | number | null>>;
}

/** Of one core: a generator that runs on one thread has nothing left, and measures its own queue. */
const BUSY = 0.9;

export function generatorFindings(series: readonly SeriesJudgement[], generators: readonly string[] = []): GeneratorFinding[] {
  return generators.flatMap((role) => {
    const own = ofRole(series.filter((judged) => judged.series.target === role));
    const growing = own.filter(({ grade, outcome }) => grade === 'confirmed' && outcome === 'fail');
    const busy = own.filter(({ series: { def }, level }) => def.alias === 'cpu' && (level ?? 0) >= BUSY);
    return [...growing.map((judged) => grows(role, judged)), ...busy.map((judged) => isBusy(role, judged))];
  });
}

/** Each metric of the role as a whole, or of its processes where nothing is added up over them: what a command after `--` keeps to itself. */
function ofRole(series: readonly SeriesJudgement[]): SeriesJudgement[] {
  const whole = new Set(series.filter((judged) => judged.series.member === null).map((judged) => judged.series.def.name));
  return series.filter(({ series: { member, def } }) => member === null || !whole.has(def.name));
}

function grows(role: string, judged: SeriesJudgement): GeneratorFinding {
  return {
    role,
    series: [seriesLabel(judged.series)],
    why: `the load generator itself (${role}) grows: ${judged.why}`,
    from: judged.onset?.at ?? judged.judged?.from ?? null,
    evidence: { perHour: judged.slope?.perHour ?? null, level: judged.level },
  };
}

function isBusy(role: string, { series, level, judged }: SeriesJudgement): GeneratorFinding {
  const share = inWords(level ?? Number.NaN, '1');
  return {
    role,
    series: [seriesLabel(series)],
    why: `the load generator itself (${role}) takes ${share} of a core: if it runs on one thread, what it measures is its own queue`,
    from: judged?.from ?? null,
    evidence: { level },
  };
}

/** Measured by the generator: durations, errors and rates of the load, of which nobody else knows. */
export function isOfGenerator(metric: string): boolean {
  return metric.startsWith('soak.traffic.');
}
