/** What the kinds of probes have in common. */
import type { ProbeSpec } from './probe-spec.ts';

/** Called when the connection stands. */
export type Connected = () => void;

/** Asks once. Rejects with what failed, or with the signal's reason; afterwards nothing of it is open. */
export type Ask = (spec: ProbeSpec, connected: Connected, signal: AbortSignal) => Promise<void>;
