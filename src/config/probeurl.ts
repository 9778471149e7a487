/** The address of a probe. */

/** What would be right, for messages. */
export const PROBE_HINT =
  'an address to ask, such as http://localhost:8080/health, wss://localhost/feed or tcp://localhost:5432, with ROLE= before it if you like';

const PROTOCOLS = new Set(['http:', 'https:', 'ws:', 'wss:', 'tcp:']);

export interface ProbeUrl {
  readonly href: string;
  /** Without user, password and query, which may be secrets. */
  readonly display: string;
  readonly isWebSocket: boolean;
  readonly isHttp: boolean;
  readonly hasSecret: boolean;
}

/** Null: it is no address that can be asked. Never quotes the text: it may hold a secret. */
export function parseProbeUrl(text: string): ProbeUrl | null {
  const url = URL.parse(text.trim());
  if (url === null || !PROTOCOLS.has(url.protocol) || url.hostname === '') return null;
  if (url.protocol === 'tcp:' && url.port === '') return null;
  const path = url.protocol === 'tcp:' ? '' : url.pathname;
  return {
    href: url.href,
    display: `${url.protocol}//${url.host}${path}`,
    isWebSocket: url.protocol.startsWith('ws'),
    isHttp: url.protocol.startsWith('http'),
    hasSecret: url.password !== '',
  };
}
