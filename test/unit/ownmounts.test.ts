import { expect, test } from 'vitest';
import { containerIn } from '../../src/ownmounts.ts';

const ID = '7f1c0e5b9d2a4c6e8f00112233445566778899aabbccddeeff00112233445566';
const POD = '0b5c8a52-6a0f-4a5e-9d57-3f0c4f1f2a77';

const row = (root: string, point: string): string => `612 590 254:1 ${root} ${point} rw,relatime - ext4 /dev/vda1 rw`;
const rows = (...list: [string, string][]): string => `${list.map(([root, point]) => row(root, point)).join('\n')}\n`;

test.each<[string, string, string | null]>([
  ['Docker', rows(['/', '/'], [`/var/lib/docker/containers/${ID}/resolv.conf`, '/etc/resolv.conf']), ID],
  ['Docker with its data on a disk of its own', rows([`/containers/${ID}/hostname`, '/etc/hostname']), ID],
  ['podman', rows([`/containers/storage/overlay-containers/${ID}/userdata/hosts`, '/etc/hosts']), ID],
  [
    'a pod, whose containers are replaced',
    rows(
      [`/run/containerd/io.containerd.grpc.v1.cri/sandboxes/${ID}/hostname`, '/etc/hostname'],
      [`/lib/kubelet/pods/${POD}/containers/soak-agent/8d2f1a90`, '/dev/termination-log'],
    ),
    POD,
  ],
  ['a static pod', rows([`/var/lib/kubelet/pods/${ID.slice(0, 32)}/etc-hosts`, '/etc/hosts']), ID.slice(0, 32)],
  ['a machine', rows(['/', '/'], ['/home/pods/x', '/mnt'], [`/srv/containers/short/hosts`, '/etc/hosts']), null],
  ['no file', '', null],
])('the container of %s', (_, mountinfo, expected) => {
  expect(containerIn(mountinfo)).toBe(expected);
});
