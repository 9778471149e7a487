/** Runs to compare, by whatever names them: the folder or the id of a run, the name of a baseline, or its file. */
import { openStored } from '../stored.ts';
import { findRun } from '../record/find.ts';
import { findBaseline, loadBaseline } from './baseline.ts';
import { measure, type MeasuredRun } from './measured.ts';

export interface Places {
  /** Folder of the runs, and of the baselines. */
  readonly out: string;
  readonly baselines: string;
}

/** Where baselines are unless somebody says otherwise. */
export const BASELINES = './soak-baselines';

/** @throws {Problem} */
export function runsCalled(text: string, { out, baselines }: Places): MeasuredRun[] {
  const path = findBaseline(text, baselines);
  return path === null ? [measureStored(findRun(text, out))] : loadBaseline(path);
}

function measureStored(folder: string): MeasuredRun {
  const { header, state, verdict } = openStored(folder);
  const { warmup = null, targets = [] } = header.config as {
    readonly warmup?: number | null;
    readonly targets?: readonly { readonly role: string; readonly load?: boolean }[];
  };
  const generators = targets.filter(({ load }) => load === true).map(({ role }) => role);
  const { series, store, timeline, t } = state;
  return measure({ series, store, timeline, t, verdict, warmup, generators });
}
