/** The processes of one role: reads each at every tick, reports each slot, and adds up over the role what may be added up. */
import type { Owner } from '../series.ts';
import type { Proc, Target, Targets } from '../targets.ts';
import { blindOf } from './process-blind.ts';
import { METRICS, STATES } from './process-metrics.ts';
import { type Round, Sampled, type Setting } from './process-sampled.ts';
import { SeriesSet, type Signal, Sum } from './process-signals.ts';
import type { Outcome } from './proc-reader.ts';
import type { Sink } from './source.ts';

/** A bound process and where its figures go; those beyond the last slot have no series of their own. */
interface Place {
  readonly proc: Proc;
  readonly sampled: Sampled;
  readonly fast: SeriesSet | null;
  readonly slow: SeriesSet | null;
}

const OTHER = 'other';

/** Sums of one kind, at every tick and every 10 s, and their series. */
interface Total {
  /** Null: of all. */
  readonly member: string | null;
  readonly fast: Sum;
  readonly slow: Sum;
  readonly fastSeries: SeriesSet;
  readonly slowSeries: SeriesSet;
}

export class Role {
  readonly #setting: Setting;
  readonly #target: Target;
  readonly #targets: Targets;
  #places: Place[] = [];
  /** Of all processes, and of those beyond the last slot; none where the role is one process. */
  readonly #totals: readonly Total[];
  readonly #states = new Int32Array(STATES.length);
  readonly #toldStates = new Int32Array(STATES.length).fill(-1);
  #stateIds: number[] | null = null;
  readonly #blind = new Set<string>();

  constructor(setting: Setting, target: Target, targets: Targets) {
    this.#setting = setting;
    this.#target = target;
    this.#targets = targets;
    const many = target.spec.many || target.spec.children;
    this.#totals = many ? [this.#total(null, ['role']), this.#total(OTHER, ['role', 'other'])] : [];
  }

  /** Takes over what selection has bound. A process that is bound as before keeps its descriptors. */
  sync(): void {
    const known = new Map(this.#places.map((place) => [place.proc, place]));
    const places: Place[] = [];
    for (const proc of this.#target.procs) {
      const place = known.get(proc);
      if (place && !place.sampled.ended) known.delete(proc);
      places.push(place && !place.sampled.ended ? place : this.#place(proc));
    }
    for (const { proc, sampled } of known.values()) {
      // After exec the same process goes on counting where it was.
      const goesOn = !sampled.ended && this.#target.procs.some((now) => now.pid === proc.pid && now.startTime === proc.startTime);
      if (!goesOn) this.#retire(proc, sampled);
      sampled.reader.close();
    }
    this.#places = places;
  }

  /** What could not be read for our own fault is thrown at the end. */
  read(sink: Sink, round: Round): void {
    let failure: unknown = null;
    this.#start();
    for (const place of this.#places) {
      if (place.sampled.ended) continue;
      try {
        this.#readOne(place, sink, round);
      } catch (error) {
        failure ??= error;
        this.#spoil();
      }
    }
    this.#report(sink, round.tick);
    if (failure !== null) throw failure as Error;
  }

  close(): void {
    for (const { sampled } of this.#places) sampled.reader.close();
    this.#places = [];
  }

  #readOne(place: Place, sink: Sink, round: Round): void {
    const { proc, sampled } = place;
    const at = sink.now();
    const outcome = sampled.read(at, round);
    if (outcome !== 'ok') {
      this.#unread(place, outcome, sink);
      return;
    }
    const detailed = sampled.readDetails(round.tick);
    sampled.takeFast();
    place.fast?.set(sink, sampled.fast, at);
    if (detailed) place.slow?.set(sink, sampled.slow, at);
    if (detailed) this.#reportBlind(sampled, sink);
    this.#add(proc, sampled);
  }

  /** Selection is to look again when a process is not what it was. */
  #unread({ proc, sampled }: Place, outcome: Exclude<Outcome, 'ok'>, sink: Sink): void {
    if (outcome === 'ended' || outcome === 'exec') this.#targets.stale = true;
    if (outcome === 'refused') this.#reportBlind(sampled, sink);
    if (outcome !== 'ended') {
      this.#spoil();
      return;
    }
    this.#targets.ended.add(proc);
    this.#retire(proc, sampled);
    sampled.ended = true;
  }

  #start(): void {
    this.#states.fill(0);
    for (const { fast, slow } of this.#totals) {
      fast.start();
      slow.start();
    }
  }

  #add(proc: Proc, sampled: Sampled): void {
    this.#states[STATE_INDEX[sampled.reader.stat.state]!]!++;
    for (const { fast, slow, member } of this.#totals) {
      if (member !== null && member !== proc.member) continue;
      fast.add(sampled.fast);
      slow.add(sampled.slow);
    }
  }

  #spoil(): void {
    this.#states.fill(-1);
    for (const { fast, slow } of this.#totals) {
      fast.spoil();
      slow.spoil();
    }
  }

  #retire(proc: Proc, sampled: Sampled): void {
    if (sampled.ended) return;
    for (const { fast, slow, member } of this.#totals) {
      if (member !== null && member !== proc.member) continue;
      fast.retire(sampled.fast);
      slow.retire(sampled.slow);
    }
  }

  #report(sink: Sink, tick: number): void {
    const at = sink.now();
    const details = tick % this.#setting.detailsEvery === 0;
    for (const { fast, slow, fastSeries, slowSeries } of this.#totals) {
      fast.set(fastSeries, sink, at);
      if (details) slow.set(slowSeries, sink, at);
    }
    this.#reportStates(sink, at, details);
  }

  /** Six series of which five are zero: told when they change, and otherwise with the slow figures. */
  #reportStates(sink: Sink, at: number, details: boolean): void {
    const states = this.#states;
    let changed = false;
    for (let i = 0; i < states.length; i++) changed ||= states[i] !== this.#toldStates[i];
    if (!changed && !details) return;
    this.#toldStates.set(states);
    let known = 0;
    for (let i = 0; i < states.length; i++) {
      if (states[i]! < 0) return;
      known += states[i]!;
    }
    if (known === 0) return;
    const ids = (this.#stateIds ??= this.#openStates());
    for (let i = 0; i < states.length; i++) sink.set(ids[i]!, states[i]!, at);
  }

  #openStates(): number[] {
    const owner = this.#owner(null, this.#setting.period * this.#setting.detailsEvery);
    return STATES.map((state) => this.#setting.series.open(owner, METRICS.state, { 'soak.process.state': state }));
  }

  #reportBlind(sampled: Sampled, sink: Sink): void {
    const { role } = this.#target;
    for (const { metric, reason } of blindOf(sampled, this.#setting.proc)) {
      if (this.#blind.has(metric)) continue;
      this.#blind.add(metric);
      sink.event('blind', `${metric} of ${role} cannot be read, because ${reason}`, { target: role, data: { metric, reason } });
    }
  }

  #place(proc: Proc): Place {
    const sampled = new Sampled(this.#setting, proc);
    if (proc.member === OTHER) return { proc, sampled, fast: null, slow: null };
    return { proc, sampled, fast: this.#fastSeries(proc.member), slow: this.#slowSeries(proc.member) };
  }

  #total(member: string | null, which: readonly Signal['summed'][]): Total {
    const { fast, slow } = this.#setting;
    return {
      member,
      fast: new Sum(fast, which),
      slow: new Sum(slow, which),
      fastSeries: this.#fastSeries(member),
      slowSeries: this.#slowSeries(member),
    };
  }

  #fastSeries(member: string | null): SeriesSet {
    const { series, period, fast } = this.#setting;
    return new SeriesSet(series, this.#owner(member, period), fast);
  }

  #slowSeries(member: string | null): SeriesSet {
    const { series, period, detailsEvery, slow } = this.#setting;
    return new SeriesSet(series, this.#owner(member, period * detailsEvery), slow);
  }

  #owner(member: string | null, period: number): Owner {
    return { source: 'process', target: this.#target.role, member, period };
  }
}

/** Index into STATES by a state letter's byte. */
const STATE_INDEX = new Uint8Array(256).fill(STATES.length - 1);
['R', 'S', 'D', 'Tt', 'I'].forEach((letters, index) => {
  for (const byte of Buffer.from(letters)) STATE_INDEX[byte] = index;
});
