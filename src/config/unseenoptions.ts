/** Options of what is watched where its processes cannot be seen. */
import { option } from './optiondef.ts';
import { roleGroup, roleName } from './optionvalue.ts';

export const UNSEEN_OPTIONS = {
  networkOf: option({
    group: 'Targets',
    value: roleName(),
    default: null,
    help: 'the sockets of the network namespace of the agent are those of this role',
    more:
      'For a pod whose containers do not share their processes: all of its sockets but those of the agent, without the processes that hold them. ' +
      'Not beside a target, whose sockets are told apart by process.',
    example: 'api',
  }),
  cgroupOf: option({
    group: 'Targets',
    value: roleGroup(),
    default: null,
    help: 'control groups whose processes cannot be seen are those of this role',
    more:
      'Memory with its limit, CPU, tasks, pressure and kills for want of memory of every other container of the pod, one member each; with a path of that one group. ' +
      'It needs a mount that shows them: the host’s `/sys/fs/cgroup`, read-only (docs/containers.md). Not of a role that is a target, whose control group is found by its processes.',
    example: 'db=/system.slice/postgresql.service',
  }),
} as const;
