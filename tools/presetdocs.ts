/** docs/presets.md, from the presets of pages of metrics. */
import { PRESETS } from '../src/intake/presets.ts';
import type { Preset, PresetSignal } from '../src/intake/presets/preset.ts';

const HEAD = `# Presets

Generated from \`src/intake/presets/\` by \`npm run generate\`. [Signals](signals.md) says how they are applied.

Of the names of one signal the first that is on the page counts. A preset that tells of the program that gives the page is applied when the page
is that of a target; one of a remote program when that target is not watched as a process here, too.
`;

const TELLS: Readonly<Record<Preset['tells'], string>> = {
  program: 'of the program that gives the page',
  'remote program': 'of a remote program that gives the page',
  others: 'of what the page is about',
};

export function generatePresetDocs(): { path: string; text: string }[] {
  const sections = PRESETS.map(({ name, of, tells, signals }) => `## ${name}\n\n${of}; ${TELLS[tells]}.\n\n${tableOf(signals)}`);
  return [{ path: 'docs/presets.md', text: `${HEAD}\n${sections.join('\n\n')}\n` }];
}

function tableOf(signals: readonly PresetSignal[]): string {
  const rows = signals.map(({ name, as, match, kind, by, growth }) => {
    const cells = [
      `\`${as ?? `signal.${name}`}\``,
      match.map(({ text }) => `\`${text.replaceAll('|', '\\|')}\``).join(', '),
      kind,
      by.map((label) => `\`${label}\``).join(', '),
      as === null ? growth : '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| in rules | names | kind | by | growth |', '|---|---|---|---|---|', ...rows].join('\n');
}
