/**
 * What the machine is, once per run, for the header of the record. From systeminformation only what is wanted, and never what identifies
 * a machine or a person: no serial number, UUID, host name, address or user.
 */
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { within } from '../clock.ts';
import { cut } from '../problem.ts';

/** The library starts some 20 child processes and waits for each without a limit of its own. */
const ANSWER_S = 15;

/**
 * Never fails: what cannot be found out is absent. `osInfo` of the library is not used: it runs `hostname -f` synchronously, which stops
 * the whole agent for as long as a name server is silent (20 s measured), only to tell what os-release says. Loading the library and what
 * is used of it blocks for some 60 ms, once: start it after the first tick, and do not wait for it.
 */
export async function hostFacts(): Promise<Record<string, string | number>> {
  const facts: Facts = {
    os: distribution() ?? type(),
    kernel: `${type()} ${release()}`,
    architecture: arch(),
    'cpu.count': cpus().length || availableParallelism(),
    memory: totalmem(),
    node: process.versions.node,
  };
  const model = cpus()[0]?.model.trim();
  if (model) facts['cpu.model'] = model;
  const asking = hardware().then((found) => Object.assign(facts, found));
  await within(
    asking.catch(() => {}),
    ANSWER_S,
  );
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, typeof value === 'string' ? cut(value) : value]));
}

type Facts = Record<string, string | number>;

/** What Node does not tell: the marketing name of the CPU, its physical cores, and the hypervisor. */
async function hardware(): Promise<Facts> {
  const { default: si } = await import('systeminformation'); // of CommonJS: its names are not there in the bundle
  const cpu = await si.cpu();
  const system = await si.system();
  const facts: Facts = {};
  const model = [cpu.manufacturer, cpu.brand].filter((part) => part && part !== 'unknown').join(' ');
  if (model) facts['cpu.model'] = model;
  if (cpu.physicalCores > 0) facts['cpu.cores'] = cpu.physicalCores;
  if (system.virtual) facts['virtualization'] = system.virtualHost || 'yes';
  return facts;
}

/** `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"` of os-release(5); null elsewhere. */
function distribution(): string | null {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      const name = /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(readFileSync(path, 'utf8'))?.[1];
      if (name) return name;
    } catch {
      // not this system's place for it
    }
  }
  return null;
}
