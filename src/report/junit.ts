/**
 * The report as JUnit XML, which every CI system shows: a suite per target, a case per gated signal and per finding about something
 * else. What is inconclusive is skipped, which is red nowhere, or failed where that is asked for.
 */
import { showRange, showRate, showValue, UNKNOWN } from '../views/quantities.ts';
import type { Outcome } from '../analysis/judgement.ts';
import type { VerdictSeries } from '../analysis/verdict.ts';
import { escaped } from './markup.ts';
import type { Report, ReportedFinding } from './value.ts';

export type Undecided = 'skip' | 'fail';

interface Case {
  readonly suite: string;
  readonly className: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly kind: string;
  readonly message: string;
  readonly out: readonly string[];
}

export function junitOf(report: Report, undecided: Undecided): string {
  const { run, verdict } = report;
  const suites = [...Map.groupBy(casesOf(report), ({ suite }) => suite)];
  const all = suites.flatMap(([, cases]) => cases);
  const head = `<testsuites name="${attribute(`soak run ${run.id}`)}" ${counts(all, undecided)} time="${seconds(run.t)}">`;
  const properties = [
    ['outcome', verdict.outcome],
    ['coverage', verdict.coverage === null ? UNKNOWN : String(verdict.coverage)],
    ['agent', run.agent],
    ['configuration', run.configHash],
  ] as const;
  const body = suites.map(([name, cases], i) => {
    const time = i === 0 ? run.t : 0;
    const attributes = `name="${attribute(name)}" ${counts(cases, undecided)} time="${seconds(time)}" timestamp="${attribute(verdict.run.start.slice(0, 19))}"`;
    const own = i === 0 ? properties.map(([key, value]) => `      <property name="${key}" value="${attribute(value)}"/>`) : [];
    const props = own.length === 0 ? [] : ['    <properties>', ...own, '    </properties>'];
    return [`  <testsuite ${attributes}>`, ...props, ...cases.map((one) => caseText(one, undecided)), '  </testsuite>'].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${body.join('\n')}\n</testsuites>\n`;
}

function casesOf(report: Report): Case[] {
  const { verdict, findings, run } = report;
  const gated = verdict.series.filter((one) => one.gated);
  const told = new Set(gated.map(({ id }) => id));
  const others = findings.filter(({ outcome, series }) => outcome !== 'pass' && !series.some((id) => told.has(id)));
  const whole: Case = {
    suite: 'soak:run',
    className: 'soak.run',
    name: 'verdict',
    outcome: verdict.outcome,
    kind: verdict.outcome,
    message: report.sentence,
    out: [...verdict.reasons, ...run.notes],
  };
  return [whole, ...gated.map((one) => seriesCase(one, findings)), ...others.map(findingCase)];
}

function seriesCase(series: VerdictSeries, findings: readonly ReportedFinding[]): Case {
  const { id, target, member, metric, why, class: leaking } = series;
  const about = findings.filter((finding) => finding.outcome !== 'pass' && finding.series.includes(id));
  const outcome = outcomeOf(series, about);
  const own = about.filter((finding) => finding.outcome === outcome);
  const whose = target ?? 'run';
  return {
    suite: `soak:${whose}`,
    className: `soak.${whose}${member === null ? '' : `.${member}`}.${metric}`,
    name: id,
    outcome,
    kind: own[0]?.kind ?? leaking ?? outcome,
    message: own[0]?.title ?? why,
    out: [
      ...new Set([why, ...own.map((finding) => finding.why), ...own.flatMap(({ settle, steps }) => [settle ?? '', ...steps])]),
      ...figures(series),
    ].filter((line) => line !== ''),
  };
}

/** As it counted for the run: growth that only a sick load generator has measured fails nothing. */
function outcomeOf({ outcome }: VerdictSeries, about: readonly ReportedFinding[]): Outcome {
  if (about.some((finding) => finding.outcome === 'fail')) return 'fail';
  return outcome === 'fail' || about.length > 0 ? 'inconclusive' : outcome;
}

function figures({ level, slope, limit, smallestDetectablePerHour, unit }: VerdictSeries): string[] {
  return [
    `level ${showValue(level, unit)}`,
    ...(slope === null ? [] : [`growth ${showRate(slope.perHour, unit)} (${showRange(slope.lo, slope.hi, unit)})`]),
    ...(limit === null ? [] : [`limit ${showValue(limit.value, unit)} (${limit.from})`]),
    ...(smallestDetectablePerHour === null ? [] : [`growth from ${showRate(smallestDetectablePerHour, unit)} on would have been seen`]),
  ];
}

function findingCase({ target, kind, title, outcome, why, settle, steps }: ReportedFinding): Case {
  const whose = target ?? 'run';
  return {
    suite: `soak:${whose}`,
    className: `soak.${whose}.${kind}`,
    name: title,
    outcome,
    kind,
    message: title,
    out: [why, ...(settle === null ? [] : [settle]), ...steps],
  };
}

function caseText({ className, name, outcome, kind, message, out }: Case, undecided: Undecided): string {
  const said = `inconclusive: ${message}`;
  const failure = (type: string, text: string): string =>
    `      <failure message="${attribute(text)}" type="${attribute(type)}">${content(out.join('\n'))}</failure>`;
  const result =
    outcome === 'pass'
      ? []
      : outcome === 'fail'
        ? [failure(kind, message)]
        : undecided === 'fail'
          ? [failure('inconclusive', said)]
          : [`      <skipped message="${attribute(said)}"/>`];
  return [
    `    <testcase classname="${attribute(className)}" name="${attribute(name)}" time="0">`,
    ...result,
    ...(out.length === 0 || result.some((line) => line.includes('<failure'))
      ? []
      : [`      <system-out>${content(out.join('\n'))}</system-out>`]),
    '    </testcase>',
  ].join('\n');
}

function counts(cases: readonly Case[], undecided: Undecided): string {
  const of = (outcome: Outcome): number => cases.filter((one) => one.outcome === outcome).length;
  const open = of('inconclusive');
  const failures = of('fail') + (undecided === 'fail' ? open : 0);
  return `tests="${cases.length}" failures="${failures}" errors="0" skipped="${undecided === 'fail' ? 0 : open}"`;
}

function seconds(t: number): string {
  return t.toFixed(3);
}

/** A line end in an attribute is a space to every parser. */
function attribute(text: string): string {
  return content(text).replaceAll('\n', ' ');
}

/** Characters that no XML 1.0 document may have, in whatever spelling. */
const IMPOSSIBLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

function content(text: string): string {
  return escaped(text.replaceAll(IMPOSSIBLE, '\u{FFFD}'));
}
