/** What was opened in a YAML document and not closed where it should be: brackets and quotes. */
import { type Document, isNode, type Node, type Scalar, visit } from 'yaml';

/** Where the last bracket of a kind before `at` opens; null when there is none. */
export function innermostOpen(doc: Document.Parsed, at: number, isMap: boolean): number | null {
  let open: number | null = null;
  const look = (_key: unknown, node: Node): void => {
    const start = node.range?.[0] ?? 0;
    if ((node as { flow?: boolean }).flow === true && start < at && start > (open ?? -1)) open = start;
  };
  visit(doc, isMap ? { Map: look } : { Seq: look });
  return open;
}

/** Where a quote opens that is not closed before `at`; `isCertain`: the parser says so. Otherwise it is one that has taken lines below it into its value. */
export function openQuote(doc: Document.Parsed, text: string, at: number, isCertain: boolean): number | null {
  let open: number | null = null;
  const look = (_key: unknown, scalar: Scalar): void => {
    const [start, end] = scalar.range ?? [0, 0];
    if (!isNode(scalar) || !/^["']/.test(text.slice(start, start + 1)) || start >= at) return;
    const isNear = end >= at || !text.slice(end, at).includes('\n');
    if (isNear && (isCertain || /\n\s*(- )?[\w-]+:(\s|$)/.test(text.slice(start, end)))) open = start;
  };
  visit(doc, { Scalar: look });
  return open;
}
