// Runs a script of this project under Node 24 on a machine that may have an older one, and installs what is missing first.
// Plain JavaScript for Node 20: it is the first thing that runs on a fresh clone.
//
//   node tools/run.mjs [--system] script.ts [arguments]     a TypeScript file of the project
//   node tools/run.mjs --bin oxlint [arguments]             a tool from node_modules/.bin
//
// --system also installs the Debian packages that tests and benchmarks need, as root on a Debian-family system.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

/** Debian package by the program, or by the file below which it is looked for, that it brings. */
const SYSTEM = {
  promtool: 'prometheus',
  amtool: 'prometheus-alertmanager',
  strace: 'strace',
  javac: 'default-jdk-headless',
  gcc: 'gcc',
  python3: 'python3',
  chromium: 'chromium',
  podman: 'podman',
  wrk: 'wrk',
  runc: 'runc',
  'redis-server': 'redis-server',
  '/usr/sbin/pgbouncer': 'pgbouncer',
  '/usr/lib/postgresql/*/bin/initdb': 'postgresql',
  '/usr/lib/python3/dist-packages/psycopg2': 'python3-psycopg2',
  '/usr/lib/python3/dist-packages/redis': 'python3-redis',
  '/usr/share/java/HikariCP.jar': 'libhikaricp-java',
  '/usr/share/java/postgresql.jar': 'libpostgresql-jdbc-java',
  '/usr/share/java/slf4j-nop.jar': 'libslf4j-java',
  '/usr/share/jmeter/lib/ext/ApacheJMeter_http.jar': 'jmeter-http',
};

/** Says to Debian's packages that their services are not to be started: tests start servers of their own. */
const POLICY = '/usr/sbin/policy-rc.d';

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(70);
}

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder && existsSync(join(folder, program)));
}

/** One `*` may stand for the name of a folder. */
function isThere(file) {
  const [before, after] = file.split('*');
  if (after === undefined) return existsSync(file);
  return existsSync(before) && readdirSync(before).some((name) => existsSync(before + name + after));
}

/** `npm ci` once per lockfile: its hash is kept beside what it installed. */
function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('Installing npm packages ...\n');
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) fail('npm ci failed: are the npm registry and the disk reachable?');
  writeFileSync(stamp, lock);
}

/** What is still missing afterwards is in SOAK_MISSING: tests that need it say so, and fail when CI=true. */
function installSystem() {
  const look = () => Object.keys(SYSTEM).filter((name) => !(name.startsWith('/') ? isThere(name) : onPath(name)));
  let missing = look();
  const debian = existsSync('/etc/debian_version') && onPath('apt-get') && process.getuid?.() === 0;
  if (missing.length > 0 && debian) {
    installDebian(missing.map((name) => SYSTEM[name]));
    missing = look();
  }
  const packages = [...missing.map((name) => SYSTEM[name]), ...missingPostgres()];
  process.env.SOAK_MISSING = packages.join(',');
  if (packages.length > 0) process.stderr.write(`Not installed, so not everything can be run: ${packages.join(' ')}\n`);
}

function installDebian(packages) {
  process.stderr.write(`Installing Debian packages: ${packages.join(' ')} ...\n`);
  const options = { stdio: ['ignore', 'ignore', 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const quiet = !existsSync(POLICY);
  // A Ctrl-C reaches apt-get; this one must not end before the policy is gone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  if (quiet) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const updated = spawnSync('apt-get', ['update', '-qq'], options);
  const installed = updated.signal
    ? updated
    : spawnSync('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...packages], options);
  if (quiet) rmSync(POLICY);
  if (installed.signal) fail(`interrupted by ${installed.signal}`);
}

/** Optional packages that npm left out without a word, though they are for this platform. */
function missingPostgres() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'tools/postgres/package.json'), 'utf8'));
  const ours = Object.keys(optionalDependencies).filter((name) => name.endsWith(`-${process.platform}-${process.arch}`));
  return ours.filter((name) => !existsSync(join(root, 'node_modules', name)));
}

/** Node 24 or newer: this one, or the one that the private workspace tools/runtime brings. */
function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const local = join(bin, 'node');
  return existsSync(local)
    ? local
    : fail(`soak-agent needs Node 24 or newer; this is ${process.version}, and there is none for this platform in tools/runtime`);
}

const args = process.argv.slice(2);
const system = args[0] === '--system' && args.shift() !== undefined;
installPackages();
if (system) installSystem();
mkdirSync(join(root, '.cache'), { recursive: true });
const node = node24();
const command = args[0] === '--bin' ? [join(bin, args[1]), ...args.slice(2)] : [join(root, args[0]), ...args.slice(1)];
const env = { ...process.env, PATH: `${dirname(node)}:${bin}:${process.env.PATH}` };
const child = spawn(node, command, { cwd: root, stdio: 'inherit', env });
// A Ctrl-C reaches the whole process group; this one only waits for the child to finish its own shutdown.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 70)));
