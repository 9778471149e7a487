/**
 * The browser's half of the report, as one script and one style sheet in a file that the program carries: it runs from source without a
 * build, the published bundle takes the text in as it is, and a page needs nothing from the network.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { ROOT } from './steps.ts';

/** As its terms ask of every copy. */
function licence(): string {
  const text = readFileSync(join(ROOT, 'node_modules/uplot/LICENSE'), 'utf8');
  return `/*! Charts by uPlot.\n${text.trim()}\n*/`;
}

export function generatePageBundle(): { path: string; text: string }[] {
  const made = (entry: string): string => {
    const { outputFiles } = buildSync({
      absWorkingDir: ROOT,
      entryPoints: [join(ROOT, 'src/page', entry)],
      bundle: true,
      minify: true,
      write: false,
      format: 'iife',
      // CompressionStream is the newest thing that the page needs: Chrome 80, Firefox 113, Safari 16.4, of which the last two also know these.
      target: ['chrome117', 'firefox119', 'safari17.4'],
      banner: { js: licence() },
      legalComments: 'inline',
      charset: 'ascii',
      logLevel: 'warning',
    });
    return outputFiles[0]!.text;
  };
  return [{ path: 'src/page/bundle.json', text: `${JSON.stringify({ script: made('main.ts'), style: made('page.css') }, null, 1)}\n` }];
}
