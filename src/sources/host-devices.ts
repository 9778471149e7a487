/** Disks and network interfaces: which of them are hardware, and what is reported of each. */
import { accessSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type HostSet, METRICS } from './host-metrics.ts';
import type { Direction, DiskFigures, InterfaceFigures } from './hostfs.ts';

/** The kernel's sum of operation times is cut to 32 bits of milliseconds: 50 days of one operation at a time. */
const TIME_WRAP_S = 2 ** 32 / 1000;

/** Removable drives have hardware behind them, and nothing in them. */
const REMOVABLE = /^(sr|fd)\d+$/;

/** Those of a list of names that have hardware behind them. Looked up again only when the list changes: a host may have hundreds. */
class Hardware {
  readonly #isHardware: (name: string) => boolean;
  #list = '';
  #hardware: ReadonlySet<string> = new Set();

  constructor(isHardware: (name: string) => boolean) {
    this.#isHardware = isHardware;
  }

  of(names: readonly string[]): ReadonlySet<string> {
    const list = names.join('\n');
    if (list !== this.#list) {
      this.#hardware = new Set(names.filter(this.#isHardware));
      this.#list = list;
    }
    return this.#hardware;
  }
}

export class Disks {
  readonly #hardware: Hardware;
  readonly #block: string;
  #before: ReadonlyMap<string, DiskFigures> = new Map();

  constructor(sys: string) {
    this.#block = join(sys, 'block');
    // Whole disks are in /sys/block, partitions are not; loop, ram, dm and md devices are, without hardware of their own.
    // The kernel writes the `/` of names such as cciss/c0d0 as `!` there.
    this.#hardware = new Hardware((name) => !REMOVABLE.test(name) && existsSync(join(this.#block, name.replaceAll('/', '!'), 'device')));
  }

  /** Throws when the list of block devices cannot be read: without it disks and their partitions cannot be told apart. */
  report(set: HostSet, all: ReadonlyMap<string, DiskFigures>): void {
    accessSync(this.#block);
    const physical = this.#hardware.of([...all.keys()]);
    for (const [device, figures] of all) if (physical.has(device)) this.#one(set, device, figures);
    this.#before = all;
  }

  #one(set: HostSet, device: string, figures: DiskFigures): void {
    set(METRICS.diskIoTime, figures.busy, { 'system.device.name': device });
    for (const way of ['read', 'write'] as const) {
      const labels = { 'system.device.name': device, 'disk.io.direction': way };
      set(METRICS.diskIo, figures[way].bytes, labels);
      set(METRICS.diskOperations, figures[way].operations, labels);
      set(METRICS.diskOperationTime, figures[way].time, labels);
      set(METRICS.diskLatency, meanLatency(this.#before.get(device)?.[way], figures[way]), labels);
    }
  }
}

/** Seconds per operation between two samples; null when nothing was completed or the device is a new one of the same name. */
export function meanLatency(before: Direction | undefined, now: Direction): number | null {
  if (before === undefined || now.operations <= before.operations) return null;
  const time = now.time - before.time;
  return (time < 0 ? time + TIME_WRAP_S : time) / (now.operations - before.operations);
}

export class Interfaces {
  readonly #hardware: Hardware;

  constructor(sys: string) {
    this.#hardware = new Hardware((name) => existsSync(join(sys, 'class/net', name, 'device')));
  }

  /**
   * Interfaces with hardware behind them: bridges, tunnels and the host's ends of containers carry the same bytes once more. Inside a
   * container no interface has hardware, and then all but the loopback are taken.
   */
  report(set: HostSet, all: ReadonlyMap<string, InterfaceFigures>): void {
    const names = [...all.keys()].filter((name) => name !== 'lo');
    const physical = this.#hardware.of(names);
    for (const name of physical.size > 0 ? physical : names) {
      for (const way of ['receive', 'transmit'] as const) reportInterface(set, name, way, all.get(name)![way]);
    }
  }
}

type Packets = InterfaceFigures['receive'];

export function reportInterface(set: HostSet, name: string, way: 'receive' | 'transmit', figures: Partial<Packets>): void {
  const labels = { 'network.interface.name': name, 'network.io.direction': way };
  set(METRICS.networkIo, figures.bytes, labels);
  set(METRICS.networkErrors, figures.errors, labels);
  set(METRICS.networkDropped, figures.dropped, labels);
}
