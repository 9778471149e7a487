/** In which order files of tests are started: one that takes minutes and is started last would be waited for alone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute or more, longest first. Vitest knows times of its own, but on a clean clone it goes by the size of the files. */
const E2E = ['scrape', 'generators', 'kill', 'load', 'outcomes', 'runtime', 'record', 'ci'];
/** The recovery of a rate is told from how it was before: it begins behind the others, so that the machine is no busier at its end. */
const SERVERS = ['pools', 'sockets', 'redis', 'postgres', 'postgres-recovery', 'servers'];
const LONGEST = [...E2E, ...SERVERS].map((name) => `/test/e2e/${name}.test.ts`);

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is vitest's, of files, and changes none
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const found = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return found === -1 ? LONGEST.length : found;
}
