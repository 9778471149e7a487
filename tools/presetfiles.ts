/** config/presets/: the ready rules as files, to be read, copied and changed. */
import { PRESETS } from '../src/config/presets.ts';

const DOC = 'docs/rulepresets.md';

export function generatePresets(): { path: string; text: string }[] {
  return [{ path: DOC, text: docText() }, ...files()];
}

function docText(): string {
  const tables = Object.entries(PRESETS).map(([name, { about, rules }]) =>
    [`## ${name}`, '', about, '', '| rule | why |', '|---|---|', ...rules.map(({ rule, why }) => `| \`${rule}\` | ${why} |`), ''].join(
      '\n',
    ),
  );
  return ['# Ready rules', '', 'By `--preset NAME`; the language is in [rules](rules.md). Made by `npm run generate`.', '', ...tables].join(
    '\n',
  );
}

function files(): { path: string; text: string }[] {
  return Object.entries(PRESETS).map(([name, { about, rules }]) => {
    const lines = rules.map(({ rule, why }) => `  - ${JSON.stringify(rule)} # ${why}`);
    const head = [
      `# ${about}`,
      `# The same as "presets: [${name}]", which also leaves out what the run has no such series for ("optional").`,
    ];
    return { path: `config/presets/${name}.yaml`, text: [...head, 'rules:', ...lines, ''].join('\n') };
  });
}
