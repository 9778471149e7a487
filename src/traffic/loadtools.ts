/** The points that load tools push, or that are scraped from them: one window for each sender, export and operation. */
import { Deltas, UNCOUNTED, type Uncounted } from '../intake/deltas.ts';
import type { Intake, Origin, Point } from '../intake/point.ts';
import { tagOf } from '../series.ts';
import { Draft } from './draft.ts';
import { incrementOf } from './increment.ts';
import { artillery } from './tools/artillery.ts';
import { httpClient, httpServer } from './tools/http.ts';
import { jmeter } from './tools/jmeter.ts';
import { k6 } from './tools/k6.ts';
import { locust } from './tools/locust.ts';
import type { Reading, Tool } from './tools/tool.ts';
import { vegeta } from './tools/vegeta.ts';
import type { TrafficSink } from './window.ts';

const TOOLS: readonly Tool[] = [k6, locust, artillery, jmeter, vegeta, httpServer, httpClient];

/** Senders that are remembered: workers of a distributed load, or replicas of a service. A memory is some 200 bytes. */
const SENDERS_MAX = 1000;

/** Windows of one export: 64 roles with more operations than are kept apart. */
const DRAFTS_MAX = 4096;

/** Tells which role is meant where one input tells of several: `k6 --tag soak_target=api`, `OTEL_RESOURCE_ATTRIBUTES=soak.target=api`. */
const TARGET_LABELS = ['soak.target', 'soak_target'];

/** Labels by which points of tools are told from others of their name. */
const ANY = { endTime: '', transaction: '', method: '', url: '', status: '' };

const WHY_UNCOUNTED: Readonly<Record<Uncounted, string>> = {
  late: 'points with times that have been told already, or earlier ones, are not counted again; a sender whose clock was set back stands still until its time has come',
  buckets: 'histograms whose buckets do not fit those before them are not counted from one to the next',
  room: 'more series are pushed than are compared from push to push: the newest are not counted; take labels away that change with every request',
};

/** What of `Traffic` is needed here. */
export interface TrafficOutlet extends TrafficSink {
  now(): number | null;
  roleCalled(name: string | undefined): string | null;
  /** Whether a file of this tool tells of the role. */
  isFollowed(tool: string, target: string | null): boolean;
  /** The name under which an operation of the role is told. */
  operationCalled(target: string | null, operation: string): string;
}

/** Kept from export to export. */
interface Sender {
  /** Run time of its last export. */
  at: number | null;
  readonly memory: Map<string, number>;
}

export class LoadTools implements Intake {
  readonly #outlet: TrafficOutlet;
  readonly #wall: () => number;
  readonly #tagged: readonly { readonly tag: string; readonly value: string; readonly operation: string }[];
  readonly #senders = new Map<string, Sender>();
  #deltas: Deltas | null = null;

  /**
   * @param wall seconds since the epoch: what a sender began to count before the first export is where it stood
   * @param tagged operations that rules ask for by a tag
   */
  constructor(outlet: TrafficOutlet, wall: () => number, tagged: readonly string[] = []) {
    this.#outlet = outlet;
    this.#wall = wall;
    this.#tagged = [...new Set(tagged)].flatMap((operation) => {
      const tag = tagOf(operation);
      return tag === null ? [] : [{ ...tag, operation }];
    });
  }

  /** From now on counters that begin are counted from zero. */
  open(): void {
    this.#deltas ??= new Deltas({ from: this.#wall(), wall: this.#wall });
  }

  take(points: readonly Point[], origin: Origin): number {
    const now = this.#outlet.now();
    if (now === null) return 0;
    this.open();
    const senders = new SenderNames(origin);
    const exports = new Map<string, { readonly tool: Tool; readonly points: Point[] }>();
    let taken = 0;
    for (const point of points) {
      const tool = TOOLS.find((one) => one.knows(point));
      if (tool === undefined || (tool === httpClient && this.#outlet.roleCalled(serviceOf(point)) !== null)) continue;
      taken++;
      const sender = senders.of(tool, point);
      const known = exports.get(sender);
      if (known) known.points.push(point);
      else exports.set(sender, { tool, points: [point] });
    }
    const before = { ...this.uncounted() };
    for (const [sender, one] of exports) this.#read(sender, one.tool, one.points, origin, now);
    this.#tellUncounted(before, origin.target);
    return taken;
  }

  /** By the name alone: whatever else makes a point one of a tool's is taken to be there. */
  knows(name: string): boolean {
    const any = { name, unit: '', labels: ANY, wall: null, since: null, value: 0 };
    return TOOLS.some((tool) => tool.knows({ ...any, kind: 'gauge' }));
  }

  /** Points so far that could not be counted, by why. */
  uncounted(): Readonly<Record<Uncounted, number>> {
    return this.#deltas?.dropped ?? { late: 0, buckets: 0, room: 0 };
  }

  #tellUncounted(before: Readonly<Record<Uncounted, number>>, target: string | null): void {
    const after = this.uncounted();
    for (const why of UNCOUNTED) if (after[why] > before[why]) this.#outlet.note(WHY_UNCOUNTED[why], { what: `uncounted_${why}`, target });
  }

  #read(sender: string, tool: Tool, points: readonly Point[], origin: Origin, now: number): void {
    const known = this.#sender(sender);
    const drafts = new Drafts((point) => this.#target(tool, point, origin));
    // A set of attributes that is new tells since when the sender counts, not since its export before.
    let seconds = known.at === null ? tool.period : Infinity;
    const reading: Reading = {
      points,
      span: null,
      memory: known.memory,
      increment: (point) => {
        const increment = this.#deltas && incrementOf(this.#deltas, point, { sender, now });
        const took = increment?.seconds ?? null;
        if (took !== null) seconds = known.at === null ? Math.max(seconds, took) : Math.min(seconds, took);
        return increment;
      },
      draft: (point, operation) => drafts.of(point, operation),
      answered: (point, operation, add) => {
        add(drafts.of(point, null));
        const tagged = tool.hasTags ? this.#tagged.filter(({ tag, value }) => point.labels[tag] === value) : [];
        for (const one of tagged) add(drafts.of(point, one.operation));
        if (operation !== null) add(drafts.of(point, this.#outlet.operationCalled(this.#target(tool, point, origin), operation)));
      },
      note: (what, message) => this.#outlet.note(message, { what, target: origin.target }),
    };
    tool.read(reading);
    const span = reading.span ?? Math.min(seconds, known.at === null ? Infinity : now - known.at);
    known.at = now;
    const whose = { sender, witness: tool.witness, from: Math.max(0, now - span), to: now };
    for (const { target, operation, draft } of drafts.all()) {
      const window = draft.window({ target, operation, ...whose });
      if (window === null) continue;
      if (this.#outlet.isFollowed(tool.name, target)) this.#outlet.note(twice(tool.name), { what: 'told_twice', target });
      else this.#outlet.window(window);
    }
  }

  #target(tool: Tool, point: Point, origin: Origin): string | null {
    const named = TARGET_LABELS.map((label) => this.#outlet.roleCalled(point.labels[label])).find((role) => role !== null);
    return named ?? (tool.witness === 'server' ? this.#outlet.roleCalled(serviceOf(point)) : null) ?? origin.target;
  }

  #sender(key: string): Sender {
    const known = this.#senders.get(key) ?? { at: null, memory: new Map() };
    this.#senders.delete(key);
    this.#senders.set(key, known);
    if (this.#senders.size > SENDERS_MAX) this.#senders.delete(this.#senders.keys().next().value!);
    return known;
  }
}

function twice(tool: string): string {
  return `${tool} both pushes and writes the file that is followed: only what is in the file counts; leave out --jtl to have what it pushes`;
}

interface Whole {
  readonly target: string | null;
  readonly operation: string | null;
  readonly draft: Draft;
}

class Drafts {
  readonly #drafts = new Map<string | null, Map<string | null, Whole>>();
  #size = 0;
  readonly #targetOf: (point: Point) => string | null;

  constructor(targetOf: (point: Point) => string | null) {
    this.#targetOf = targetOf;
  }

  of(point: Point, operation: string | null): Draft {
    const target = this.#targetOf(point);
    const own = this.#drafts.get(target) ?? new Map<string | null, Whole>();
    const known = own.get(operation);
    if (known) return known.draft;
    const draft = new Draft();
    // Beyond the cap the draft is filled and forgotten: the totals are first and always there.
    if (this.#size >= DRAFTS_MAX && operation !== null) return draft;
    this.#size++;
    this.#drafts.set(target, own.set(operation, { target, operation, draft }));
    return draft;
  }

  all(): Whole[] {
    return [...this.#drafts.values()].flatMap((own) => [...own.values()]);
  }
}

function serviceOf({ labels }: Point): string | undefined {
  return labels['service.name'] ?? labels['service_name'] ?? labels['job'];
}

/** The tool, and which process of it where that is told: mostly that of the point before. */
class SenderNames {
  readonly #origin: string;
  #last: { readonly tool: Tool; readonly service: string; readonly instance: string; readonly name: string } | null = null;

  constructor({ name }: Origin) {
    this.#origin = name === 'inbound' ? '' : name;
  }

  of(tool: Tool, point: Point): string {
    const { labels } = point;
    const instance = labels['service.instance.id'] ?? labels['host.name'] ?? labels['application'] ?? labels['instance'] ?? '';
    const service = tool.witness === 'server' ? (serviceOf(point) ?? '') : '';
    if (this.#last?.tool !== tool || this.#last.service !== service || this.#last.instance !== instance) {
      const name = [tool.name, service, instance, this.#origin].filter((part) => part !== '').join(' ');
      this.#last = { tool, service, instance, name };
    }
    return this.#last.name;
  }
}
