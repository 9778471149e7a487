import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { fromJSONSchema } from 'zod';
import { stringify } from 'yaml';
import { generateConfigDocs } from '../../tools/configdocs.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/file.ts';
import { jsonSchema } from '../../src/config/schema.ts';
import { Faults } from '../../src/config/faults.ts';
import { buildConfig, loadSettings } from '../../src/config/load.ts';
import { envOf, fileTwinOf, flagOf, keyOf, OPTION_NAMES, type OptionName, optionOf } from '../../src/config/options.ts';
import { type Detail, Problem } from '../../src/problem.ts';
import { CATALOG, DIR, layer, load, problemOf } from '../loading.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BAD = join(ROOT, 'test/fixtures/config/bad');

function loadFile(file: string, env: Record<string, string> = {}): Promise<Config> {
  return load(layer({ config: file }), env);
}

function loadText(text: string, env: Record<string, string> = {}): Promise<Config> {
  return load(layer(), env, text);
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const { message, code } = await problemOf(promise);
  return `${message}\n[${code}]\n`;
}

describe('a bad configuration', () => {
  const cases = readdirSync(BAD).filter((name) => name.endsWith('.yaml'));

  // The expected text is beside the file; `vitest -u` writes it anew. Read the difference as the user would.
  test.each(cases)('%s is explained', async (name) => {
    const env = { EMPTY: '', RECEIVER: 'hunter2', HOLD: 'hunter2' };
    const text = (await messageOf(loadFile(join(BAD, name), env))).replaceAll(`${BAD}/`, '');
    expect(text).not.toContain('hunter2');
    await expect(text).toMatchFileSnapshot(join(BAD, name.replace('.yaml', '.txt')));
  });

  test('that cannot be read is explained', async () => {
    expect(await messageOf(loadFile(join(DIR, 'nowhere.yaml')))).toContain(
      `--config: ${DIR}/nowhere.yaml: no such file; it should be a YAML file`,
    );
    expect(await messageOf(loadFile(DIR))).toContain('this is a folder');
    expect(await messageOf(loadFile('/dev/zero'))).toContain('this is not a file');
    writeFileSync(join(DIR, 'big.yaml'), '#'.repeat(64_001));
    expect(await messageOf(loadFile(join(DIR, 'big.yaml')))).toContain('it is larger than 64000 bytes');
  });
});

/** Lines of a file with one slip, and in which of them it is told. */
const SLIPS: readonly (readonly [text: string, line: number, message: RegExp])[] = [
  ['targets:\n\t- api=port:1', 2, /a tab/],
  ['targets:\n  - selector: name:a\n\trole: b', 3, /a tab/],
  ['out: "runs', 1, /this " is not closed/],
  ["out: 'runs", 1, /this ' is not closed/],
  ['targets: [api=port:1', 1, /this \[ is not closed; \]/],
  ['targets: [{selector: name:a, role: b]', 1, /this { is not closed; }/],
  ['targets: [api=port:1]]', 1, /nothing is open/],
  ['targets:\n  - a=port:1\n - b=port:2', 3, /indented/],
  ['targets:\n  - selector: name:a\n     role: b', 3, /indented/],
  ['targets:\n  - selector: name:a\n   role: b', 3, /indented/],
  ['targets:\n  - api=port:1\n    many: true', 2, /"key: value"/],
  ['targets: - api=port:1', 1, /a list should begin/],
  ['out runs', 1, /"key: value"/],
  ['out:runs', 1, /"key: value"/],
  ['out: a: b', 1, /a colon and a space/],
  ['out: @runs', 1, /begins with this sign/],
  ['out: "a" b', 1, /has ended before this/],
  [String.raw`out: "C:\data"`, 1, /begins an escape/],
  ['rules: *rules', 1, /no such anchor/],
  ['targets: ["a=port:1" "b=port:2"]', 1, /a comma should be/],
  ['targets: [a=port:1,, b=port:2]', 1, /before this comma/],
  ['out: a\nout: b', 2, /the key out is at .*soak\.yaml:\d+:1 already/],
];

test('a slip of the pen is told in words for its author, hides no other fault, and invents none', async () => {
  const others = ['interval: 2s', 'keep: 0', 'probes: [api=http://localhost/]', 'wait: soon', '# a comment: [', 'hold: true'];
  const draw = fc.tuple(fc.shuffledSubarray(others), fc.constantFrom(...SLIPS), fc.nat(others.length));
  await fc.assert(
    fc.asyncProperty(draw, async ([around, [slip, line, message], place]) => {
      const blocks = around.toSpliced(place, 0, slip);
      const lineOf = (block: string): number => [...blocks.slice(0, blocks.indexOf(block)), ''].join('\n').split('\n').length;
      const wrong = ['keep: 0', 'wait: soon'].filter((one) => around.includes(one)).map(lineOf);
      // Of one line without a colon nobody can tell that it was meant to be a pair.
      fc.pre(blocks.some((block) => block !== slip && !block.startsWith('#')));
      const { details } = await problemOf(loadText(`${blocks.join('\n')}\n`));
      const told = details.map((one) => Number(/:(\d+):\d+$/.exec(one.place)?.[1]));
      const at = lineOf(slip) + line - 1;
      // Which roles there are is known only when the targets can be read.
      const follows = slip.startsWith('targets') || !around.includes(others[2]!) ? [] : [lineOf(others[2]!)];
      expect(told).toEqual([...wrong, ...follows, at].toSorted((a, b) => a - b));
      expect(details[told.indexOf(at)]!.message).toMatch(message);
    }),
    { numRuns: fc.tries(200) },
  );
});

describe('a good configuration', () => {
  test.each(['', '# nothing\n', '---\n', '{}', 'null'])('%j says nothing', async (text) => {
    expect((await loadText(text)).targets).toEqual([]);
  });

  test('has variables filled in, in values only', async () => {
    const text = 'out: ${DIR}/runs-$${x}-${NONE:-a}${EMPTY:-b}${EMPTY}\n# ${NOWHERE}\nduration: ${D:-8h}\nkeep: ${KEEP}\nhold: ${HOLD}';
    const config = await loadText(text, { DIR: '/d', EMPTY: '', KEEP: '3', HOLD: 'true' });
    expect(config).toMatchObject({ out: '/d/runs-${x}-ab', duration: 28_800, keep: 3, hold: true });
  });

  test('may use anchors', async () => {
    const config = await loadText(
      'interval: &t 5\nlinger: *t\ntargets: [&a a=port:1, {selector: &s port:2, role: b}, {selector: *s, role: c}]',
    );
    expect(config).toMatchObject({ interval: 5, linger: 5, targets: [{ role: 'a' }, { role: 'b' }, { role: 'c', selector: { port: 2 } }] });
  });

  test('does not reach into prototypes', async () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(await messageOf(loadText(`${key}: {interval: 5}`))).toContain(`unknown key ${key}`);
      expect(await messageOf(loadText(`hold: ${key}`))).toContain('should be true or false');
      expect(await messageOf(loadText(`out: \${${key}}`))).toContain('is not set');
    }
  });
});

/** YAML that resembles a configuration: known and unknown keys, values of every kind, variables, and odd text. */
const yamlText = (): fc.Arbitrary<string> => {
  const keys = OPTION_NAMES.flatMap((name) => [keyOf(name), fileTwinOf(name)?.key]).filter((key) => typeof key === 'string');
  const scalar = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom(
      '8h',
      '1s',
      '512MB',
      'off',
      'auto',
      'all',
      'api=port:80',
      'cmd:[',
      '${X}',
      '${Y:-z}',
      '${',
      'memory.private < 2GB',
      'http://x',
      '*a',
      '&a x',
      '<<',
    ),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('tree'), { maxLength: 3 }), tie('map')),
    map: fc.dictionary(fc.oneof(fc.constantFrom(...keys, 'selector', 'role', 'many', 'port', '__proto__'), fc.string()), tie('tree'), {
      maxKeys: 6,
    }),
  }));
  const structured = fc.dictionary(fc.constantFrom(...keys), tree, { maxKeys: 8 }).map((value) => stringify(value));
  const mutated = fc
    .tuple(structured, fc.nat(), fc.string({ maxLength: 3 }))
    .map(([text, at, insert]) => text.slice(0, at % (text.length + 1)) + insert + text.slice(at % (text.length + 1)));
  return fc.oneof(structured, mutated, fc.string(), fc.string({ unit: 'binary' }));
};

function detailsOf(faults: Faults): readonly Detail[] {
  try {
    faults.throwIfAny();
    return [];
  } catch (error) {
    if (error instanceof Problem && error.exitCode === 64) return error.details;
    throw error;
  }
}

test('whatever a file holds, it gives a configuration or a Problem with places in it', async () => {
  await fc.assert(
    fc.asyncProperty(yamlText(), async (text) => {
      const faults = new Faults();
      const layer = parseConfig('soak.yaml', text, { X: 'x' }, faults);
      const flags = { ...layer, values: new Map([...layer.values].filter(([name]) => name !== 'config')) };
      buildConfig(await loadSettings({ flags, env: {} }, faults), { command: null, catalog: CATALOG }, faults);
      const details = detailsOf(faults);
      expect(details.filter(({ place, message }) => message === '' || !/^soak\.yaml(:\d+:\d+)?$|^default$|^$/.test(place))).toEqual([]);
    }),
    { numRuns: fc.tries(400) },
  );
});

describe('what derives from the options', () => {
  const derived = new Map(generateConfigDocs().map(({ path, text }) => [path, text]));
  const sample = derived.get('config/soak-agent.yaml') ?? '';
  const everything = sample.replaceAll(/^#(?![# ]? ?yaml-language)(?=[a-z ])/gm, '');

  test('is what is committed', () => {
    for (const [path, text] of derived) expect(readFileSync(join(ROOT, path), 'utf8'), `${path}: run npm run generate`).toBe(text);
  });

  test('the sample loads as it is, and with every line of it', async () => {
    const together = everything.replace(/^network_of: .*\n/m, ''); // of a run without targets
    expect(await loadText(sample)).toMatchObject({ targets: [{ role: 'api' }], duration: null });
    expect(await loadText(together, { OTLP_TOKEN: 't', PUSH_TOKEN: 'long-enough' })).toMatchObject({
      targets: [{ role: 'api' }, { role: 'workers', many: true, children: false }],
      duration: 28_800,
      otlp: { endpoint: 'http://collector:4318/v1/metrics', headers: { authorization: 'Bearer t' } },
      inbound: { at: { host: '127.0.0.1', port: 4318 }, token: 'long-enough' },
    });
    const { rules } = await loadText(together, { OTLP_TOKEN: 't', PUSH_TOKEN: 'long-enough' });
    const ruled = ['soak.process.memory.private', 'soak.gauge.outbox_depth', 'soak.signal.queue', 'soak.signal.cache_hits'];
    expect(ruled.filter((metric) => !rules.some((rule) => rule.metric === metric))).toEqual([]);
  });

  test('the sample has every key, and shows what it does by default', () => {
    const keys = OPTION_NAMES.filter((name) => keyOf(name) !== null);
    const pattern = (name: OptionName): RegExp => new RegExp(optionOf(name).perTarget ? `^ +${keyOf(name)}: ` : `^${keyOf(name)}:`, 'm');
    expect(keys.filter((name) => !pattern(name).test(everything))).toEqual([]);
    const prose = sample.replaceAll(/\n## /g, ' ');
    const explained = keys.filter((name) => !optionOf(name).perTarget).map((name) => optionOf(name));
    const sentences = explained.flatMap(({ default: text, more, help }) => [
      (more ?? help).slice(1),
      ...(text === null ? [] : [`Default: ${text}.`]),
    ]);
    expect(sentences.filter((sentence) => !prose.includes(sentence.replaceAll('`', '')))).toEqual([]);
  });

  test('the documentation has every spelling of every option, and no other', () => {
    const docs = derived.get('docs/config.md') ?? '';
    const cells = docs
      .split('\n')
      .filter((line) => line.startsWith('| `') || line.startsWith('|  |'))
      .map((line) => line.split(' | ').slice(0, 3).join(' '));
    const documented = new Set(cells.flatMap((cell) => [...cell.matchAll(/`(?:targets\[\]\.)?([^` ]+)[^`]*`/g)].map((match) => match[1])));
    const known = OPTION_NAMES.flatMap((name) => [
      name === 'live' ? '--no-live' : flagOf(name),
      envOf(name),
      keyOf(name),
      ...Object.values(fileTwinOf(name) ?? {}),
    ]);
    expect(documented).toEqual(new Set(known.filter((one) => one !== null)));
  });

  test('the JSON Schema takes the samples and refuses what the program refuses in shape', async () => {
    const { parse } = await import('yaml');
    const schema = fromJSONSchema(JSON.parse(JSON.stringify(jsonSchema())) as Parameters<typeof fromJSONSchema>[0]);
    for (const text of [sample, everything, 'interval: ${I}\nhold: ${H}\nkeep: ${K:-3}'])
      expect(schema.safeParse(parse(text)).error).toBeUndefined();
    const bad = [
      'intervall: 1s',
      'interval: [1]',
      'interval: soon',
      'targets: 1',
      'targets: [{role: a}]',
      'source: dtrace',
      'live: perhaps',
      'targets: [{selector: 1, x: 2}]',
    ];
    expect(bad.filter((text) => schema.safeParse(parse(text)).success)).toEqual([]);
  });
});
