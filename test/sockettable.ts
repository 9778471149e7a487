/** Tables of sockets as the kernel would show them, for what looks at connections without real ones. */
import type { TcpRow } from '../src/sockets/tcptable.ts';

/** An established connection over loopback from each of these ports to the server; the inode is the port. */
export function connectionsFrom(ports: readonly number[], server = 5432): TcpRow[] {
  return ports.map((port) => ({
    local: { address: '127.0.0.1', port },
    remote: { address: '127.0.0.1', port: server },
    state: 'established',
    inode: port,
    rxQueue: 0,
    txQueue: 0,
    ipv6: false,
  }));
}
