/** What would turn a signal that cannot be told into one that can. */

export type Open =
  | { readonly reason: 'short' }
  | { readonly reason: 'load' }
  | {
      readonly reason: 'noise';
      /** Change that would be called, and the one that fails. */
      readonly smallest: number;
      readonly fail: number;
      readonly as: 'share' | 'absolute';
      /** Runs of each side. */
      readonly pairs: number;
    };

/**
 * From one run of each to three the smallest change that shows falls to a half and less, because from then on it is measured how runs of one build
 * differ; after that it falls with the root of the runs at best. By how much exactly depends on what they will show: no number is promised.
 */
const ENOUGH = 3;

export function settleOf(open: Open): string {
  if (open.reason === 'short') return 'runs in whose common steady part both sides have it for longer';
  if (open.reason === 'load') return 'runs under the same load';
  const { smallest, fail, as, pairs } = open;
  const size = (change: number): string => `${Number((100 * change).toPrecision(2))} ${as === 'share' ? '%' : 'points'}`;
  const more = pairs < ENOUGH ? 'three runs of each build, or longer ones' : 'more runs of each build, longer ones, or a steadier load';
  return smallest <= fail
    ? `${more}: the change is near a limit, so that its interval has to be narrower`
    : `${more}: as it is, only a change of ${size(smallest)} would show for certain, and one of ${size(fail)} fails`;
}
