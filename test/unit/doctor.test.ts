import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { Judge } from '../../src/analysis/judge.ts';
import { parseRule } from '../../src/analysis/ruleparser.ts';
import type { Finding } from '../../src/analysis/verdict.ts';
import { Catalog, type MetricDef } from '../../src/catalog.ts';
import { access, capabilityNames, type Identity, parseIdentity, parseUsers, type Watched } from '../../src/doctor/identity.ts';
import { capabilityText, cgroupText, hidepidText } from '../../src/doctor/machine.ts';
import { containerOf } from '../../src/doctor/processes.ts';
import { bestOutcome, prospectsOf, withoutPending } from '../../src/doctor/prospects.ts';
import { accessRemedies, listText } from '../../src/doctor/remedies.ts';
import { type Place, placeOf } from '../../src/place.ts';
import { type Report, reportLines } from '../../src/doctor/report.ts';
import { wrapped } from '../../src/terminal/clean.ts';
import { mendsOf } from '../../src/doctor/servers.ts';
import { signalRows, youngSpots } from '../../src/doctor/signals.ts';
import { RunState } from '../../src/runstate.ts';
import { SeriesTable } from '../../src/series.ts';
import { METRICS as CGROUP } from '../../src/sources/cgroup-metrics.ts';
import { METRICS as PROCESS } from '../../src/sources/process-metrics.ts';
import { METRICS as RUNTIME } from '../../src/sources/runtime-metrics.ts';
import { Targets, type TargetSpec } from '../../src/targets.ts';
import { Batch } from '../../src/tick.ts';

const STATUS = `Name:	node
Umask:	0022
State:	S (sleeping)
Tgid:	4242
Ngid:	0
Pid:	4242
PPid:	1
Uid:	1000	1001	1002	1003
Gid:	2000	2001	2002	2003
FDSize:	64
Groups:	2000 
NStgid:	4242	7
NSpid:	4242	7
VmPeak:	  611244 kB
CapInh:	0000000000000000
CapPrm:	0000000000000400
CapEff:	0000000000080004
`;

const PTRACE = 1n << 19n;
const SEARCH = 1n << 2n;
const OVERRIDE = 1n << 1n;
const BIND = 1n << 10n;

function identity(uid: number, gid: number, capabilities = 0n): Identity {
  return { uids: [uid, uid, uid, uid], gids: [gid, gid, gid, gid], permitted: capabilities, effective: capabilities, pids: [1] };
}

function watched(uid: number, gid: number, { permitted = 0n, owner = uid as number | null } = {}): Watched {
  return { ...identity(uid, gid, permitted), owner };
}

describe('whose a process is', () => {
  test('is read from status', () => {
    expect(parseIdentity(STATUS)).toEqual({
      uids: [1000, 1001, 1002, 1003],
      gids: [2000, 2001, 2002, 2003],
      permitted: BIND,
      effective: PTRACE | SEARCH,
      pids: [4242, 7],
    });
  });

  test('is unknown when status says only a part of it', () => {
    for (const key of ['Uid', 'Gid', 'CapPrm', 'CapEff']) expect(parseIdentity(STATUS.replace(`${key}:`, 'Other:'))).toBeNull();
    expect(parseIdentity(STATUS.replace('\t1003', ''))).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => parseIdentity(text) === null));
    fc.assert(
      fc.property(fc.nat(STATUS.length), (length) => [null, 2].includes(parseIdentity(STATUS.slice(0, length))?.pids.length ?? null)),
    );
  });

  test('capabilities have their names, unknown ones their number', () => {
    expect(capabilityNames(0n)).toEqual([]);
    expect(capabilityNames(1n | SEARCH | PTRACE | (1n << 40n) | (1n << 63n))).toEqual([
      'CHOWN',
      'DAC_READ_SEARCH',
      'SYS_PTRACE',
      'CHECKPOINT_RESTORE',
      'capability 63',
    ]);
    expect(capabilityText(0n)).toBe('none');
    expect(capabilityText((1n << 41n) - 1n)).toBe('all');
    expect(capabilityText(((1n << 41n) - 1n) ^ (1n << 24n))).toBe('all but SYS_RESOURCE');
    expect(capabilityText(PTRACE | SEARCH)).toBe('DAC_READ_SEARCH, SYS_PTRACE');
  });

  test('users have names', () => {
    expect([...parseUsers('root:x:0:0:root:/root:/bin/sh\n# app:x:7:7::\ntoor:x:0:0::\napp:x:1000:1000::\nnis+\n')]).toEqual([
      [0, 'root'],
      [1000, 'app'],
    ]);
  });

  test('containers are known by their id, or by their pid namespace', () => {
    const id = '3f2a'.repeat(16);
    expect(containerOf(`0::/system.slice/docker-${id}.scope\n`, null)).toBe('3f2a3f2a3f2a');
    expect(containerOf('0::/user.slice\n', { pids: [12] })).toBeNull();
    expect(containerOf('0::/\n', { pids: [12, 1] })).toBe('in a pid namespace of its own');
  });
});

// Measured on Linux 6.18 with `setpriv`: what is readable of a process of uid and gid 1234 (`io`, `root`, the list of `fd`).
describe('who may look into a process', () => {
  const target = watched(1234, 1234);

  test.each([
    ['its user and group', identity(1234, 1234), target, true, true, []],
    ['its user in another group', identity(1234, 0), target, false, true, ['group']],
    ['a stranger', identity(65_534, 65_534), target, false, false, ['user', 'group']],
    ['a stranger with SYS_PTRACE', identity(65_534, 65_534, PTRACE), target, true, false, ['user', 'group']],
    ['a stranger with DAC_READ_SEARCH', identity(65_534, 65_534, SEARCH), target, false, true, ['user', 'group']],
    ['a stranger with both', identity(65_534, 65_534, PTRACE | SEARCH), target, true, true, ['user', 'group']],
    ['root in a container', identity(0, 0, PTRACE | OVERRIDE), target, true, true, ['user', 'group']],
    ['root without capabilities', identity(0, 0), target, false, false, ['user', 'group']],
    ['its user, when it has a capability', identity(1234, 1234), watched(1234, 1234, { permitted: BIND }), false, true, ['capabilities']],
    ['its user with that capability', identity(1234, 1234, BIND), watched(1234, 1234, { permitted: BIND }), true, true, []],
    ['its user, when it is not dumpable', identity(1234, 1234), watched(1234, 1234, { owner: 0 }), false, false, ['undumpable']],
    [
      'both, when it is not dumpable',
      identity(1, 1, PTRACE | SEARCH),
      watched(1234, 1234, { owner: 0 }),
      true,
      true,
      ['user', 'group', 'undumpable'],
    ],
  ])('%s', (_, agent, process, traces, searches, obstacles) => {
    expect(access(agent, process)).toEqual({ traces, searches, obstacles });
  });

  test('a set-user-id program is a stranger to its user', () => {
    const suid: Watched = { ...target, uids: [1234, 0, 0, 0], owner: 0 };
    expect(access(identity(1234, 1234), suid)).toEqual({ traces: false, searches: false, obstacles: ['user'] });
  });
});

describe('remedies', () => {
  const users = new Map([
    [0, 'root'],
    [1234, 'app'],
  ]);
  const stranger = identity(65_534, 65_534);
  const told = (agent: Identity, targets: readonly Watched[], place: Place = 'host'): string[] =>
    accessRemedies(agent, targets, users, place).map(({ what, how }) => `${what} | ${how}`);

  test('none where nothing stands in the way', () => {
    expect(told(identity(1234, 1234), [watched(1234, 1234)])).toEqual([]);
    expect(told(stranger, [])).toEqual([]);
  });

  test('its user first, because that needs no capability', () => {
    expect(told(stranger, [watched(1234, 1234), watched(1234, 1234)])).toEqual([
      'run soak-agent as uid 1234 (app) and gid 1234, without any capability | setpriv --reuid 1234 --regid 1234 --clear-groups soak-agent ...',
      'run soak-agent with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH | sudo soak-agent ..., or in a systemd unit AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH',
    ]);
  });

  test('as it is said where the agent runs', () => {
    expect(told(stranger, [watched(1234, 1234)], 'container')).toEqual([
      expect.stringContaining('docker run --user 1234:1234 ...'),
      expect.stringContaining('docker run --user 0 --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH ...'),
    ]);
    expect(told(stranger, [watched(1234, 1234)], 'pod')).toEqual([
      expect.stringContaining('securityContext: { runAsUser: 1234, runAsGroup: 1234 }'),
      expect.stringContaining('securityContext: { runAsUser: 0, capabilities: { add: [SYS_PTRACE, DAC_READ_SEARCH] } }'),
    ]);
  });

  test('only the capability that is missing', () => {
    expect(told(identity(0, 0, OVERRIDE), [watched(1234, 1234)], 'container').at(-1)).toBe(
      'run soak-agent with CAP_SYS_PTRACE | docker run --user 0 --cap-add SYS_PTRACE ...',
    );
    expect(told(identity(5, 5, PTRACE), [watched(1234, 1234)]).at(-1)).toMatch(/^run soak-agent with CAP_DAC_READ_SEARCH \|/);
  });

  test('not its user where that would not do, and why', () => {
    const [undumpable, ...more] = told(identity(1234, 1234), [watched(1234, 1234, { owner: 0 })]);
    expect(more).toEqual([]);
    expect(undumpable).toMatch(/^run soak-agent with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: it is not dumpable/);
    expect(told(stranger, [watched(1234, 1234, { permitted: BIND })])).toEqual([
      expect.stringContaining('it holds capabilities (NET_BIND_SERVICE)'),
    ]);
    expect(told(stranger, [watched(1234, 1234), watched(1, 1)])).toEqual([expect.stringContaining('several users')]);
  });

  test('root for processes of root on a host', () => {
    expect(told(stranger, [watched(0, 0, { permitted: (1n << 41n) - 1n })])[0]).toBe('run soak-agent as root | sudo soak-agent ...');
    expect(told(stranger, [watched(0, 0, { permitted: (1n << 41n) - 1n })], 'pod')).toHaveLength(1);
  });

  test('long lists are cut', () => {
    expect(listText(['A', 'B'])).toBe('A, B');
    expect(listText([...'ABCDEFGH'])).toBe('A, B, C, D, E, F and 2 more');
  });

  test('the place is known by what runtimes leave', () => {
    expect(placeOf({}, () => false)).toBe('host');
    expect(placeOf({}, (path) => path === '/run/.containerenv')).toBe('container');
    expect(placeOf({ container: 'podman' }, () => false)).toBe('container');
    expect(placeOf({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, () => true)).toBe('pod');
  });
});

describe('the machine', () => {
  const mount = (options: string): string => `22 27 0:21 / /proc rw,relatime - proc proc ${options}\n`;

  test('hidepid of the mount that counts', () => {
    expect(hidepidText(mount('rw'), '/proc')).toBe('no process is hidden');
    expect(hidepidText(mount('rw') + mount('rw,gid=5,hidepid=invisible'), '/proc')).toContain('(hidepid=invisible)');
    expect(hidepidText(mount('rw,hidepid=2') + mount('rw,hidepid=0'), '/proc')).toBe('no process is hidden');
    expect(hidepidText(mount('rw,hidepid=2'), '/host/proc')).toBe('no process is hidden');
  });

  test('control groups of both versions, by controller', () => {
    const hybrid = `35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;
    expect(cgroupText(hybrid, () => null)).toBe('version 1 for memory; version 2 without controllers');
    const unified = '30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n';
    expect(cgroupText(unified, (point) => (point === '/sys/fs/cgroup' ? 'cpu memory\n' : null))).toBe('version 2 for cpu, memory');
    expect(cgroupText('', () => null)).toContain('none is mounted here');
  });
});

const ALL = {
  ...PROCESS,
  limit: CGROUP.memoryLimit,
  foreign: CGROUP.foreign,
  visible: RUNTIME.visible,
  heap: RUNTIME.heap,
  heapLimit: RUNTIME.heapLimit,
};

interface Value {
  readonly def: keyof typeof ALL;
  /** None: the series is opened and waits for one. */
  readonly value?: number;
  readonly member?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A run that has seen these values once. */
function seen(values: readonly Value[]): RunState {
  const series = new SeriesTable();
  const options = { requiredLifetime: 3600, plannedEnd: null, warmup: null, rules: [], required: [], interval: 1 };
  const state = new RunState(new Judge(options), series);
  const batch = new Batch();
  for (const { def, value = NaN, member = null, labels = {} } of values) {
    const owner = { source: def in PROCESS ? 'process' : 'other', target: 'api', member, period: 1 };
    batch.set(series.open<MetricDef & { labels: Record<string, { max: number }> }>(owner, ALL[def] as never, labels), value, 0);
  }
  state.fold(batch.close(0, 0, 0));
  return state;
}

function target(...members: (string | null)[]) {
  const targets = new Targets([{ role: 'api', selector: { kind: 'name', name: 'api' }, many: members.length > 1, children: false }]);
  const [api] = targets.all();
  targets.bind(
    api!,
    members.map((member, i) => ({ pid: 100 + i, startTime: 1, comm: 'api', member })),
    0,
  );
  return api!;
}

const catalog = new Catalog([PROCESS, CGROUP, RUNTIME]);
const blind = (metric: string, reason: string) => ({ target: 'api', metric, reason });

describe('signals', () => {
  test('what was read with its values, and what was not with its reason', () => {
    const state = seen([
      { def: 'memoryPrivate', value: 120e6 },
      { def: 'threads', value: 12 },
    ]);
    const spots = [
      blind('process.disk.io', 'only uid 7'),
      blind('soak.process.zombie.count', 'no list'),
      { ...blind('process.disk.io', ''), target: 'db' },
    ];
    expect(signalRows(state, catalog, spots, target(null))).toEqual([
      { group: 'Memory', readable: 'yes', figures: ['memory.private 120MB'], missing: [] },
      { group: 'Threads', readable: 'part', figures: ['threads 12'], missing: [{ metrics: ['zombies'], reason: 'no list' }] },
      { group: 'Disk I/O', readable: 'no', figures: [], missing: [{ metrics: [], reason: 'only uid 7' }] },
    ]);
  });

  test('a blindness that covers everything names each group once', () => {
    const rows = signalRows(seen([]), catalog, [blind('process.*', 'hidden')], target(null));
    expect(rows.map(({ group, readable }) => [group, readable])).toContainEqual(['Descriptors', 'no']);
    expect(rows.every(({ missing }) => missing.length === 1 && missing[0]!.reason === 'hidden')).toBe(true);
  });

  test('the span over members, the total where there is one, and members that lack it', () => {
    const state = seen([
      { def: 'memoryPrivate', value: 10e6, member: '1' },
      { def: 'memoryPrivate', value: 30e6, member: '2' },
      { def: 'threads', value: 4, member: '1' },
      { def: 'threads', value: 9 },
    ]);
    const rows = signalRows(state, catalog, [], target('1', '2', '3'));
    expect(rows).toEqual([
      {
        group: 'Memory',
        readable: 'part',
        figures: ['memory.private 10MB to 30MB'],
        missing: [{ metrics: ['memory.private'], reason: 'known of 2 of 3 processes' }],
      },
      { group: 'Threads', readable: 'yes', figures: ['threads 9'], missing: [] },
    ]);
  });
});

describe('a runtime', () => {
  const rows = (...values: Value[]) => signalRows(seen(values), catalog, [], target(null)).flatMap(({ figures }) => figures);

  test('is told in words', () => {
    expect(rows({ def: 'visible', value: 1, labels: { 'soak.runtime': 'jvm' } })).toEqual(['jvm: heap visible']);
    expect(rows({ def: 'visible', value: 0, labels: { 'soak.runtime': 'jvm' } })).toEqual(['jvm: heap not visible']);
    expect(rows({ def: 'visible', value: 1, labels: { 'soak.runtime': 'nodejs' } })).toEqual([
      'nodejs: growth of its heap shows in private memory',
    ]);
    expect(rows({ def: 'foreign', value: 3 })).toEqual(['shared with 3 other processes']);
    expect(rows({ def: 'foreign', value: 0 })).toEqual([]);
  });

  test('of a process that has just started is not known yet', () => {
    expect(youngSpots(seen([{ def: 'uptime', value: 3 }]), 'api')).toEqual([
      blind('soak.runtime.heap.used_after_collection', 'it has just started: look again when it is 15 s old'),
    ]);
    expect(youngSpots(seen([{ def: 'uptime', value: 300 }]), 'api')).toEqual([]);
    expect(
      youngSpots(
        seen([
          { def: 'uptime', value: 3 },
          { def: 'visible', value: 1, labels: { 'soak.runtime': 'jvm' } },
        ]),
        'api',
      ),
    ).toEqual([]);
  });
});

describe('what could be certified', () => {
  const config = { rules: [], required: [], duration: null, mustLive: 10 * 3600 };
  const verdictOf = (state: RunState) =>
    state.judge.verdict({ id: 'x', start: 0, end: null, planned: null, agent: '0', configHash: '' }, state);
  const prospects = (state: RunState) => prospectsOf(state, verdictOf(state), config, 'api');

  test('half of the room within the required life, else the floor of the metric', () => {
    const limited = prospects(
      seen([
        { def: 'memoryPrivate', value: 100e6 },
        { def: 'limit', value: 500e6 },
        { def: 'threads', value: 8 },
      ]),
    );
    expect(limited.map(({ series, gate, level, limit, floor }) => [series.def.alias, gate, level, limit?.value, floor])).toEqual([
      ['memory.private', 'required', 100e6, 500e6, 20e6],
      ['threads', 'gated', 8, undefined, 0.3],
    ]);
  });

  test('of several members the one with the least room', () => {
    const [memory] = prospects(
      seen([
        { def: 'limit', value: 500e6 },
        { def: 'memoryPrivate', value: 100e6, member: '1' },
        { def: 'memoryPrivate', value: 300e6, member: '2' },
      ]),
    );
    expect([memory!.series.member, memory!.floor, memory!.others]).toEqual(['2', 10e6, 1]);
  });

  test('a heap that was never collected is awaited', () => {
    const [heap] = prospects(seen([{ def: 'heap' }, { def: 'heapLimit', value: 64e6 }]));
    expect(heap).toMatchObject({ gate: 'required', level: null, floor: null, limit: { value: 64e6, from: 'soak.runtime.heap.limit' } });
    expect(prospects(seen([{ def: 'cpuUtilization' }]))).toEqual([]);
  });

  test('what is neither gated nor limited is not part of it', () => {
    expect(prospects(seen([{ def: 'cpuUtilization', value: 0.5 }]))).toEqual([]);
  });

  const finding = (kind: Finding['kind'], outcome: Finding['outcome'], more: Partial<Finding> = {}): Finding => ({
    id: 'x',
    kind,
    outcome,
    target: 'api',
    series: [],
    from: null,
    to: null,
    why: `${kind} ${outcome}`,
    evidence: {},
    ...more,
  });

  test('only what more time does not mend stands in the way of a pass', () => {
    expect(bestOutcome([], 'api')).toEqual({ outcome: 'pass', why: [] });
    const mended = [
      finding('leak', 'inconclusive'),
      finding('coverage', 'inconclusive'),
      finding('work', 'inconclusive', { evidence: { signal: 'cpu' } }),
    ];
    expect(bestOutcome(mended, 'api').outcome).toBe('pass');
    for (const kind of ['target', 'rule'] as const) {
      expect(bestOutcome([...mended, finding(kind, 'inconclusive')], 'api')).toEqual({
        outcome: 'inconclusive',
        why: [`${kind} inconclusive`],
      });
    }
    const [heap] = bestOutcome([finding('heap', 'inconclusive', { series: ['api memory.private'] })], 'api').why;
    expect(heap).toMatch(/^api memory\.private: its heap is not visible/);
    expect(bestOutcome([finding('work', 'inconclusive', { evidence: { signal: null } })], 'api').outcome).toBe('inconclusive');
    expect(bestOutcome([finding('leak', 'fail')], 'api')).toEqual({ outcome: 'fail', why: ['leak fail'] });
    expect(bestOutcome([finding('heap', 'inconclusive')], 'db').outcome).toBe('pass');
    expect(bestOutcome([finding('heap', 'inconclusive'), finding('rule', 'fail')], 'api')).toEqual({ outcome: 'fail', why: ['rule fail'] });
  });
});

describe('rules about what was not sampled', () => {
  const spec = (role: string, selector: TargetSpec['selector']): TargetSpec => ({ role, selector, many: false, children: false });
  const api = spec('api', { kind: 'name', name: 'api' });
  const job = spec('job', { kind: 'exec', command: 'job' });
  const visible: Value = { def: 'visible', value: 1, labels: { 'soak.runtime': 'jvm' } };

  function counts(text: string, targets: TargetSpec[], values: Value[], spots: readonly ReturnType<typeof blind>[] = []): boolean {
    const rule = parseRule(text, (name) => catalog.find(name));
    const unseen: Finding = {
      id: '',
      kind: 'rule',
      outcome: 'inconclusive',
      target: null,
      series: [],
      from: null,
      to: null,
      why: '',
      evidence: { rule: text },
    };
    return withoutPending([unseen], seen(values), spots, { rules: [rule], targets }, catalog).length === 1;
  }

  test('count, unless the metric may still come', () => {
    expect(counts('heap < 1GB', [api], [])).toBe(true);
    expect(counts('heap < 1GB', [api], [visible])).toBe(false);
    expect(counts('heap < 1GB', [api], [visible], [blind(RUNTIME.heap.name, 'no counters')])).toBe(true);
    expect(counts('api: heap < 1GB', [api, job], [])).toBe(true);
    expect(counts('job: heap < 1GB', [api, job], [])).toBe(false);
    expect(counts('heap < 1GB', [api, job], [])).toBe(false);
  });

  test('are left alone where they are broken', () => {
    const broken: Finding = {
      id: '',
      kind: 'rule',
      outcome: 'fail',
      target: 'api',
      series: [],
      from: null,
      to: null,
      why: '',
      evidence: { rule: 'heap < 1GB' },
    };
    const rule = parseRule('heap < 1GB', (name) => catalog.find(name));
    expect(withoutPending([broken], seen([visible]), [], { rules: [rule], targets: [job] }, catalog)).toEqual([broken]);
  });
});

describe('the report', () => {
  test('wraps at blanks and loses nothing', () => {
    expect(wrapped('one two three', 9, '- ', '  ')).toEqual(['- one two', '  three']);
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 16, max: 60 }), (list, columns) => {
        const lines = wrapped(list.join(' '), columns, '  ');
        expect(lines.join(' ').split(/\s+/).filter(Boolean)).toEqual(list);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  const process = {
    proc: { pid: 4242, startTime: 1, comm: 'node', member: null },
    identity: watched(1234, 1234),
    container: '3f2a3f2a3f2a',
  };
  const reportOf = (more: Partial<Report['targets'][number]>): Report => ({
    machine: { facts: [{ label: 'system', text: 'Linux' }], refusals: [] },
    blind: [{ label: 'soak.host.pressure.time', text: 'switched off' }],
    host: [],
    targets: [
      {
        role: 'api',
        selector: 'port:8080',
        processes: [process],
        signals: [
          { group: 'Memory', readable: 'yes', figures: ['memory.private 120MB'], missing: [] },
          {
            group: 'Disk I/O',
            readable: 'no',
            figures: [],
            missing: [{ metrics: [], reason: 'only uid 1234 may read it, and a long story of who else may and why it is so' }],
          },
        ],
        remedies: [{ what: 'run it as somebody else', how: 'su somebody' }],
        databases: [],
        prospects: [],
        best: { outcome: 'pass', why: [] },
        unstarted: false,
        ...more,
      },
    ],
    servers: [],
    scrapes: [],
    best: { outcome: 'pass', why: [] },
    users: new Map([[1234, 'app']]),
    options: { mustLive: 14 * 86_400, duration: null },
  });

  test('is plain text of at most the width, whatever it holds', () => {
    const lines = reportLines(reportOf({ best: { outcome: 'inconclusive', why: ['its heap is not visible: '.repeat(8)] } }), 80);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const text = lines.join('\n');
    expect(text).toContain('  4242  node  uid 1234 (app), gid 1234  container 3f2a3f2a3f2a');
    expect(text).toContain(
      '  Disk I/O  no    only uid 1234 may read it, and a long story of who else may\n                  and why it is so',
    );
    expect(text).toContain('  not read  soak.host.pressure.time: switched off');
    expect(text).toContain('  - run it as somebody else\n      su somebody');
    expect(text).toContain('  At best inconclusive:\n  - its heap is not visible:');
  });

  test('says of a server what would mend what is missing, in lines to be copied', () => {
    const reason = 'the user with_a_long_name sees the states of its own sessions only; GRANT pg_monitor TO with_a_long_name';
    const signals = [{ group: 'Postgres', readable: 'no', figures: [], missing: [{ metrics: [], reason }] }] as const;
    const server = { name: 'db', display: 'h:5432/d', state: 'PostgreSQL 15', signals, mends: mendsOf(signals) };
    const down = { name: 'x', display: 'y', state: 'x (y) does not answer: it refuses connections', signals: [], mends: [] };
    const text = reportLines({ ...reportOf({}), servers: [server, down] }, 60).join('\n');
    expect(text).toContain('db = h:5432/d\n  PostgreSQL 15\n\n  Postgres  no');
    expect(text).toContain('administrator may give\n      GRANT pg_monitor TO with_a_long_name;\n');
    expect(text).toContain('x = y\n  x (y) does not answer: it refuses connections\n');
  });

  test('says what would pass and what would fail', () => {
    expect(reportLines(reportOf({}), 80).join('\n')).toContain('Best outcome here: pass');
    expect(reportLines(reportOf({ best: { outcome: 'fail', why: ['a rule is broken'] } }), 80).join('\n')).toContain(
      'A run would fail:\n  - a rule is broken',
    );
  });

  test('names the databases it is connected to, and what would have them watched', () => {
    const what = '12 connections to 10.0.0.5:5432, the usual port of Postgres';
    const text = reportLines(reportOf({ databases: [{ what, option: '--postgres postgresql://USER@10.0.0.5:5432/DATABASE' }] }), 80).join(
      '\n',
    );
    expect(text).toContain(`  - ${what}\n      --postgres postgresql://USER@10.0.0.5:5432/DATABASE\n`);
    expect(reportLines(reportOf({}), 80).join('\n')).not.toContain('databases');
  });

  test('lists some of many processes and counts the rest', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ ...process, proc: { ...process.proc, pid: 5000 + i } }));
    const text = reportLines(reportOf({ processes: many }), 80).join('\n');
    expect(text).toContain('5007');
    expect(text).not.toContain('5008');
    expect(text).toContain('and 22 more');
  });

  test('of a program that a run would start it says only that', () => {
    const text = reportLines(reportOf({ unstarted: true, processes: [], signals: [] }), 80).join('\n');
    expect(text).toContain('Doctor starts nothing');
    expect(text).not.toContain('Best outcome');
  });
});
