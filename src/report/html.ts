/** The page: one file without a network, or a shell that the agent serves and that asks it for the report. */
import { gzipSync } from 'node:zlib';
import bundle from '../page/bundle.json' with { type: 'json' };
import { escaped, policyHash } from './markup.ts';
import { plainSentence } from './plain.ts';
import type { Report } from './value.ts';

/** Where phases and marks are taken, for the buttons of a live page. */
export interface NoteAddress {
  readonly url: string;
  readonly token: boolean;
}

/** The report as one HTML file, which works from disk. */
export function reportPage(report: Report): string {
  // Level 9 takes 0.1 s for a day of 200 series; base64 has no character that ends a script element.
  const data = gzipSync(JSON.stringify(report), { level: 9 }).toString('base64');
  return page({
    title: `soak run ${report.run.id}`,
    policy: policyOf({ connect: "'none'" }),
    attributes: '',
    said: report.sentence,
    data: `<script type="application/gzip" id="data">${data}</script>`,
  });
}

/** The page of the agent, and the policy that its header must say too: of two policies both hold. */
export function livePage(notes: NoteAddress | null): { html: string; policy: string } {
  const policy = policyOf({ connect: notes === null ? "'self'" : `'self' ${notes.url}` });
  const attributes = notes === null ? '' : ` data-inbound="${escaped(notes.url)}"${notes.token ? ' data-token="yes"' : ''}`;
  return { html: page({ title: 'soak-agent', policy, attributes, said: 'The page asks the agent for its report.', data: '' }), policy };
}

interface Parts {
  readonly title: string;
  readonly policy: string;
  readonly attributes: string;
  /** For a reader without scripts. */
  readonly said: string;
  readonly data: string;
}

function page({ title, policy, attributes, said, data }: Parts): string {
  return `<!doctype html>
<html lang="en"${attributes}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escaped(plainSentence(title))}</title>
<style>${bundle.style}</style>
</head>
<body>
<main><noscript><h1>${escaped(plainSentence(said))}</h1><p>The charts need JavaScript. Nothing is loaded from anywhere.</p></noscript></main>
${data}
<script>${bundle.script}</script>
</body>
</html>
`;
}

/** Only this script and this style sheet, which are known by their hashes; nothing is loaded, sent, framed or submitted. */
function policyOf({ connect }: { readonly connect: string }): string {
  return [
    "default-src 'none'",
    `script-src ${policyHash(bundle.script)}`,
    `style-src ${policyHash(bundle.style)}`,
    'img-src data:',
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
