/**
 * The entry. It is small on purpose: whatever goes wrong from here on must end in one readable line and an exit code that is never taken
 * for a verdict, and V8's heap limits must be set before anything is loaded into the heap. The syntax is plain, so that an old Node
 * can still parse it and be told that it is too old.
 */
import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// As in problem.ts, which is part of what must not be loaded yet.
const EXIT_USAGE = 64;
const EXIT_FAILED = 70;

const NODE_MIN = 24;

/** In MiB; as in config/options.ts. A 24 h run of 200 series uses a fifth of it; the rest is room for 10,000. */
const HEAP_MB = 64;
const HEAP_MB_MIN = 32;

/** Flags of V8 that count whenever they are set. */
const AT_ANY_TIME = [
  '--no-flush-bytecode',
  '--efficiency-mode',
  '--no-memory-reducer',
  '--expose-gc',
  '--invocation-count-for-maglev=100',
  '--minimum-invocations-after-ic-update=100',
];

// As in malloc.ts.
const TUNABLES = 'GLIBC_TUNABLES';
const MALLOC = 'glibc.malloc.mmap_threshold=65536:glibc.malloc.trim_threshold=65536';

process.on('uncaughtException', die);
process.on('unhandledRejection', die);

if (Number.parseInt(process.versions.node, 10) < NODE_MIN) {
  complain(`soak-agent needs Node.js ${NODE_MIN} or newer; this is ${process.versions.node} (${process.execPath})`);
  process.exitCode = EXIT_USAGE;
} else {
  limitHeap();
  watchOutput();
  process.on('exit', leave); // after the others, which may change the code
  const { main, endAnyway, processIo } = await import('./commands/program.ts');
  process.exitCode = await main(process.argv.slice(2), processIo(process.argv[1] ?? ''));
  endAnyway();
}

/**
 * Nothing in the program decides its flat memory as much as these limits do: without them V8 keeps five times as much as it needs. The two
 * sizes count only when V8 starts (set later they are accepted and do nothing), and NODE_OPTIONS is the user's; so the process
 * replaces itself once: the same pid and streams, 30 ms. V8 throws away code that did not run between a few collections: what runs once a
 * minute would be compiled, and slow, every time. Nobody waits for us, so that its helper threads, which cost more CPU and memory than they
 * save of time, have next to nothing to do (docs/decisions/0027-efficiency-mode.md). Who does something for a millisecond a second is idle to
 * V8, which would collect the whole heap time and again (0031-no-memory-reducer.md). What runs once a second is called often after a minute
 * and not after seven, so that it is compiled well before a short run is over (0047-synced-every-five-seconds.md). Whoever gave Node a heap size of their own keeps it. A
 * wrong SOAK_HEAP_MB is reported with the rest of the configuration.
 */
function limitHeap(): void {
  forget();
  const given = process.env['SOAK_HEAP_MB'] || '';
  const megabytes = /^\d{1,6}$/.test(given) && Number(given) >= HEAP_MB_MIN ? Number(given) : HEAP_MB;
  const options = `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] || ''}`;
  if (/--max[-_]old[-_]space[-_]size/.test(options)) return;
  const flags = [`--max-old-space-size=${megabytes}`, '--max-semi-space-size=1', ...AT_ANY_TIME];
  if (process.platform !== 'win32' && process.execve) {
    const args = [process.execPath, ...process.execArgv, ...flags, ...process.argv.slice(1)];
    process.execve(process.execPath, args, { [TUNABLES]: MALLOC, ...process.env });
  }
  for (const flag of AT_ANY_TIME) setFlagsFromString(flag);
}

/**
 * How we allocate is not for what we start: a program under test has its own memory. Before 2.37 glibc cuts the variable at its first colon
 * when it has read it.
 */
function forget(): void {
  const tunables = process.env[TUNABLES] || '';
  if (tunables !== '' && MALLOC.startsWith(tunables)) delete process.env[TUNABLES];
}

/** Nobody reading any more is no failure (`soak-agent metrics | head`); a full disk is, unless the code says something worse already. */
function watchOutput(): void {
  let lost = '';
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') lost = error.message;
    });
  }
  process.on('exit', () => {
    if (lost === '' || process.exitCode !== 0) return;
    complain(`soak-agent: the output could not be written: ${lost}`);
    process.exitCode = EXIT_FAILED;
  });
}

/**
 * To exit, Node waits for its threads, and one that asks a dead mount or a silent name server never answers. The kernel ends all threads
 * but one when a process replaces itself; what is left has nothing to do but end with the same code. A thread that the kernel itself
 * cannot end (state D, as on a failing disk) nobody can.
 */
function leave(code: number): void {
  const asks = process.getActiveResourcesInfo().some((name) => /^(FSReq|GetAddrInfo|GetNameInfo)/.test(name));
  if (!asks || process.platform === 'win32' || !process.execve) return;
  process.execve(process.execPath, [process.execPath, '-e', `process.exitCode = ${code}`], {});
}

/** A defect, or a problem that nobody caught: one line, and the end. Whatever is open is lost; the record survives a kill at any moment. */
function die(error: unknown): void {
  const known = error as { name?: unknown; exitCode?: unknown } | null | undefined;
  const isProblem = known !== null && known !== undefined && known.name === 'Problem' && typeof known.exitCode === 'number';
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const frame = error instanceof Error ? /\n\s+at (.*)/.exec(error.stack || '') : null;
  const where = isProblem || !frame ? '' : ` (at ${frame[1]})`;
  complain(`soak-agent: ${isProblem ? '' : 'failed by a defect: '}${text.replaceAll('\n', ' ')}${where}`);
  process.exit(isProblem ? Number(known.exitCode) : EXIT_FAILED);
}

function complain(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads standard error; the exit code still tells.
  }
}
