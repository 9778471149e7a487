/** Where the agent runs, which decides what it can see and how a remedy is written. */
import type { Env } from './config/environment.ts';

export type Place = 'host' | 'container' | 'pod';

/** Kubernetes sets the variable in every container, Podman the other one; Docker and Podman leave these files, unless the root is read-only. */
export function placeOf(env: Env, exists: (path: string) => boolean): Place {
  if (env['KUBERNETES_SERVICE_HOST']) return 'pod';
  return env['container'] || ['/.dockerenv', '/run/.containerenv'].some(exists) ? 'container' : 'host';
}

/** How processes are seen that are not there: in a container the likeliest reason is a pid namespace without them. Null on a host. */
export function namespaceHint(place: Place): string | null {
  if (place === 'host') return null;
  const setting = place === 'pod' ? 'shareProcessNamespace: true (or hostPID: true) in the pod' : '--pid=container:NAME or --pid=host';
  return `processes of other containers are seen with ${setting}`;
}
