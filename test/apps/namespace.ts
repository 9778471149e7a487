/** A network namespace for one program, with a wire to ours; both are gone when the program ends. Needs root. */
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const THERE = 'soak0';
const TRIED = 200;

export class Wire {
  readonly #net = `10.213.${process.pid % 256}`;

  /** Where the program reaches us. */
  get here(): string {
    return `${this.#net}.1`;
  }

  /** Both ends. */
  get subnet(): string {
    return `${this.#net}.0/30`;
  }

  /** Starts the program given after it, once the wire is there. */
  get through(): string[] {
    const wait = `until ip link show ${THERE} >/dev/null 2>&1; do sleep 0.05; done`;
    return [
      'unshare',
      '--net',
      '--',
      'sh',
      '-c',
      `${wait}; ip addr add ${this.#net}.2/30 dev ${THERE}; ip link set ${THERE} up; exec "$@"`,
      'sh',
    ];
  }

  /** Lays it to the program that was started so. */
  async connect(pid: number): Promise<void> {
    const ours = readlinkSync('/proc/self/ns/net');
    for (let tried = 0; readlinkSync(`/proc/${pid}/ns/net`) === ours; tried++) {
      if (tried === TRIED) throw new Error(`process ${pid} has no network namespace of its own`);
      await delay(20);
    }
    const name = `soak${pid}`; // at most 15 letters, and a pid has 7 digits
    execFileSync('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', THERE, 'netns', String(pid)]);
    execFileSync('ip', ['addr', 'add', `${this.here}/30`, 'dev', name]);
    execFileSync('ip', ['link', 'set', name, 'up']);
  }
}
