/** What doctor says of each page of metrics: whether it can be read, what is recognised on it, and what could be declared. */
import type { Clock } from '../clock.ts';
import { deadline } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { owned } from '../intake/owned.ts';
import type { Point } from '../intake/point.ts';
import { recognised, signalsOf } from '../intake/presets.ts';
import { selects, type Selector } from '../intake/match.ts';
import type { ScrapeSpec, SignalSpec } from '../intake/signals-spec.ts';
import { cut } from '../problem.ts';
import { pageClient, scrape, type Scraped } from '../sources/scrape.ts';
import { ScrapeFailure } from '../sources/scrape-failure.ts';
import type { Fact } from './machine.ts';

export interface ScrapeReport {
  readonly name: string;
  /** Without user, password and query. */
  readonly display: string;
  readonly facts: readonly Fact[];
}

/** Names that are kept: 5,000 of 100 bytes are 0.5 MB. */
const NAMES_MAX = 5000;

/** Names of what is not used that are shown: a screen of them. */
const UNUSED_SHOWN = 12;

/** One page after the other: a run asks no faster. */
export async function scrapeReports(config: Config, clock: Clock): Promise<ScrapeReport[]> {
  const reports: ScrapeReport[] = [];
  const roles = config.targets.map(({ role }) => role);
  const all = signalsOf({ scrapes: config.scrapes, signals: config.signals, roles, inbound: config.inbound !== null });
  for (const spec of config.scrapes) {
    const seen = new Seen(all.filter(({ from }) => from === spec.name));
    const read = await tried(spec, clock, (points) => seen.take(points));
    const facts =
      read instanceof ScrapeFailure
        ? [{ label: 'page', text: `cannot be read now (${read.kind}): ${read.message}` }]
        : factsOf(read, spec, seen);
    reports.push({ name: spec.name, display: spec.display, facts });
  }
  return reports;
}

async function tried(spec: ScrapeSpec, clock: Clock, each: (points: readonly Point[]) => void): Promise<Scraped | ScrapeFailure> {
  const client = pageClient(spec, clock);
  const limit = deadline(spec.timeout, 'too late');
  limit.start();
  try {
    return await scrape(client, spec.timeout, { signal: limit.signal, each });
  } catch (error) {
    if (error instanceof ScrapeFailure) return error;
    throw error;
  } finally {
    limit.end();
    client.close();
  }
}

/** What there is on a page: names, how many series each has, and the signals that would have a value. */
class Seen {
  readonly names = new Map<string, number>();
  readonly signals: readonly SignalSpec[];
  readonly found = new Set<SignalSpec>();

  constructor(signals: readonly SignalSpec[]) {
    this.signals = signals;
  }

  take(points: readonly Point[]): void {
    for (const point of points) {
      const count = this.names.get(point.name) ?? 0;
      if (count > 0 || this.names.size < NAMES_MAX) this.names.set(count > 0 ? point.name : owned(point.name), count + 1);
      for (const signal of this.signals) {
        if (!this.found.has(signal) && signal.match.some((selector) => isOf(selector, point))) this.found.add(signal);
      }
    }
  }
}

function factsOf({ answer, page }: Scraped, spec: ScrapeSpec, { names, signals, found: all }: Seen): Fact[] {
  const { samples, bad } = page;
  const found = [...all];
  const missing = signals.filter((signal) => signal.preset === null && !all.has(signal));
  const size = `${Math.ceil(answer.body.length / 1000)} kB, ${samples} samples, within ${Math.ceil(answer.seconds * 1000)} ms`;
  const presets = recognised(names);
  return [
    { label: 'page', text: `${size}; ${spec.target === null ? 'of the run' : `of ${spec.target}`}` },
    ...(bad.first === null
      ? []
      : [{ label: 'page', text: `${bad.lines} lines cannot be read, the first is line ${bad.first.line}: ${bad.first.why}` }]),
    { label: 'recognised', text: presets.length === 0 ? 'nothing that a preset knows' : presets.join(', ') },
    { label: 'signals', text: found.length === 0 ? 'none' : found.map(nameOf).join(', ') },
    ...missing.map(({ name, match }) => ({
      label: 'missing',
      text: `${name}: ${cut(match.map(({ text }) => text).join(' or '))} matches nothing now`,
    })),
    ...unusedFact(names, found),
  ];
}

function nameOf({ name, as }: SignalSpec): string {
  return as === null ? `signal.${name}` : `${as} (signal ${name})`;
}

function isOf(selector: Selector, { name, labels }: Point): boolean {
  const isNamed = selector.name === name || selector.name.replace(/_(?:sum|count|bucket)$/, '') === name;
  return isNamed && selects(selector, labels);
}

/** Names with the most series first: what there are many of is most worth an `aggregate`. */
function unusedFact(names: ReadonlyMap<string, number>, found: readonly SignalSpec[]): Fact[] {
  const used = new Set(
    found
      .flatMap(({ match, over }) => [...match, ...(over ?? [])])
      .flatMap(({ name }) => [name, name.replace(/_(?:sum|count|bucket)$/, '')]),
  );
  const unused = [...names].filter(([name]) => !used.has(name)).toSorted((a, b) => b[1] - a[1]);
  if (unused.length === 0) return [];
  const shown = unused.slice(0, UNUSED_SHOWN).map(([name, count]) => `${cut(name)}${count > 1 ? ` (${count})` : ''}`);
  const more = unused.length - shown.length;
  return [{ label: 'not used', text: `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` }];
}
