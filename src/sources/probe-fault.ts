/** Why a probe failed, from whatever the system, the TLS library or the protocol said. */
import { errno } from '../problem.ts';
import type { Fault } from './probe-metrics.ts';

export class ProbeFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string) {
    super(message);
    this.name = 'ProbeFault';
    this.fault = fault;
  }
}

const CODES: Readonly<Record<string, Fault>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EPROTO: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
};

export function faultOf(error: unknown): Fault {
  if (error instanceof ProbeFault) return error.fault;
  const code = errno(error) ?? '';
  if (Object.hasOwn(CODES, code)) return CODES[code]!;
  if (/CERT|^ERR_(TLS|SSL)|UNABLE_TO/.test(code)) return 'tls';
  if (code.startsWith('HPE_')) return 'protocol';
  // Several addresses were tried: what the first one said stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0]);
  return error instanceof Error && error.cause !== undefined ? faultOf(error.cause) : 'other';
}
