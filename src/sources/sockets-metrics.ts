/** The metrics of TCP sockets: of targets, of their network namespaces, and of the machine. */
import { defineMetrics, MATTERS } from '../catalog.ts';
import { TCP_STATES, type TcpState } from '../sockets/tcptable.ts';

/** Remote endpoints that a role has names for; what else it connects to is added up as `other`. */
export const ENDPOINTS_MAX = 20;

/** Configured servers have their own names beside those (contracts: 64 roles with servers), and there is `other`. */
const ENDPOINT_LABELS_MAX = ENDPOINTS_MAX + 64 + 1;

/** Ports a role listens on that are told apart; inbound connections of more are added up as `other`. */
export const PORTS_MAX = 16;

export const OTHER = 'other';

/** Of a connection: a socket that listens has none. */
export const CONNECTION_STATES: readonly Exclude<TcpState, 'listen'>[] = TCP_STATES.filter((state) => state !== 'listen');

const PANEL = 'Sockets';
const MACHINE = 'Sockets of the machine';

export const METRICS = defineMetrics({
  outbound: {
    name: 'soak.socket.outbound',
    unit: '{socket}',
    kind: 'gauge',
    help: 'TCP sockets that the process has to others: all it holds but those that listen, and those that were accepted on a port that is listened on.',
    growth: 'leak',
    resource: 'sockets',
    alias: 'sockets.outbound',
    matters: MATTERS.count,
    gate: 'gated',
    panel: PANEL,
  },
  closeWait: {
    name: 'soak.socket.close_wait',
    unit: '{socket}',
    kind: 'gauge',
    help: 'TCP sockets of the process whose other side has closed, while the process has not: in both directions.',
    growth: 'leak',
    resource: 'sockets',
    alias: 'sockets.close_wait',
    matters: MATTERS.count,
    gate: 'gated',
    panel: PANEL,
  },
  byEndpoint: {
    name: 'soak.socket.outbound_by_endpoint',
    unit: '{socket}',
    kind: 'gauge',
    help: 'Outbound TCP sockets by what they lead to: the name of a configured server, or an address and port. Names are given until the warm-up ends.',
    labels: { 'soak.endpoint': { max: ENDPOINT_LABELS_MAX } },
    growth: 'leak',
    resource: 'sockets',
    matters: MATTERS.count,
    panel: PANEL,
  },
  timeWait: {
    name: 'soak.socket.time_wait',
    unit: '{socket}',
    kind: 'gauge',
    help: 'Closed connections to the endpoint in TIME_WAIT, which last 60 s and belong to no process: those of all in the network namespace of the target.',
    labels: { 'soak.endpoint': { max: ENDPOINT_LABELS_MAX } },
    growth: 'none',
    panel: PANEL,
  },
  inbound: {
    name: 'soak.socket.inbound',
    unit: '{socket}',
    kind: 'gauge',
    help: 'Connections to a port that the target listens on, by state, also those it has not accepted yet or has closed. A state is told once it was seen.',
    labels: { 'server.port': { max: PORTS_MAX + 1 }, 'network.connection.state': CONNECTION_STATES },
    growth: 'none',
    panel: PANEL,
  },
  acceptQueue: {
    name: 'soak.socket.accept_queue',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that wait to be accepted by the target. How many may wait (the backlog) is not in /proc/net/tcp.',
    labels: { 'server.port': { max: PORTS_MAX + 1 } },
    growth: 'leak',
    resource: 'accept queue',
    matters: MATTERS.count,
    panel: PANEL,
  },
  ephemeralPorts: {
    name: 'soak.socket.ephemeral_ports',
    unit: '{port}',
    kind: 'gauge',
    help: 'Local ports in use, TIME_WAIT included, from one address of the network namespace to the endpoint of the target with the most of them.',
    growth: 'capacity',
    resource: 'ephemeral ports',
    alias: 'ephemeral_ports',
    limit: 'soak.socket.ephemeral_ports.limit',
    matters: MATTERS.count,
    panel: PANEL,
  },
  ephemeralPortLimit: {
    name: 'soak.socket.ephemeral_ports.limit',
    unit: '{port}',
    kind: 'gauge',
    help: 'Ports that may be used to one endpoint (net.ipv4.ip_local_port_range). Known of the network namespace of the agent only.',
    growth: 'none',
  },
  tcpSockets: {
    name: 'soak.host.tcp.sockets',
    unit: '{socket}',
    kind: 'gauge',
    help: 'TCP sockets that the kernel has allocated, of the whole machine.',
    growth: 'none',
    panel: MACHINE,
  },
  orphans: {
    name: 'soak.host.tcp.orphans',
    unit: '{socket}',
    kind: 'gauge',
    help: 'TCP sockets that no process holds any more and that are not yet closed, of the whole machine.',
    growth: 'capacity',
    resource: 'orphaned sockets',
    limit: 'soak.host.tcp.orphans.limit',
    matters: MATTERS.count,
    panel: MACHINE,
  },
  orphanLimit: {
    name: 'soak.host.tcp.orphans.limit',
    unit: '{socket}',
    kind: 'gauge',
    help: 'Orphaned sockets beyond which the kernel resets connections (net.ipv4.tcp_max_orphans).',
    growth: 'none',
  },
  tcpMemory: {
    name: 'soak.host.tcp.memory',
    unit: '{page}',
    kind: 'gauge',
    help: 'Memory of TCP buffers in pages, of the whole machine.',
    growth: 'capacity',
    resource: 'socket memory',
    limit: 'soak.host.tcp.memory.limit',
    matters: MATTERS.count,
    panel: MACHINE,
  },
  tcpMemoryLimit: {
    name: 'soak.host.tcp.memory.limit',
    unit: '{page}',
    kind: 'gauge',
    help: 'Pages beyond which the kernel allocates no TCP buffers (the third figure of net.ipv4.tcp_mem).',
    growth: 'none',
  },
  conntrack: {
    name: 'soak.host.conntrack.entries',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Connections that the firewall tracks, in the network namespace of the agent.',
    growth: 'capacity',
    resource: 'tracked connections',
    alias: 'conntrack',
    limit: 'soak.host.conntrack.limit',
    matters: MATTERS.count,
    panel: MACHINE,
  },
  conntrackLimit: {
    name: 'soak.host.conntrack.limit',
    unit: '{connection}',
    kind: 'gauge',
    help: 'Tracked connections beyond which packets of new ones are dropped (net.netfilter.nf_conntrack_max).',
    growth: 'none',
  },
});
