/** Who may look into a process of /proc, in words: for everything that says why something cannot be read. */
import { statSync } from 'node:fs';

const BOTH = 'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH';

/**
 * Who may look into a process, and what would let soak-agent: a clause. The owner of the folder of a process is its user, and so is that of
 * its files, unless it must not be dumped (prctl(2) PR_SET_DUMPABLE, or a set-user-id program): then they are root's (`task_dump_owner` of
 * the kernel), and its own user is a stranger to it as well.
 */
export function closedTo(proc: string, pid: number, verb: 'read' | 'count', capabilities = BOTH): string {
  const [user, owner] = [ownerOf(`${proc}/${pid}`), ownerOf(`${proc}/${pid}/io`)];
  const them = verb === 'read' ? 'read it' : 'count them';
  const name = userOf(proc, pid);
  return user !== null && owner !== null && user !== owner
    ? `not even ${name} may ${them}, because the process is not dumpable (a set-user-id program, or by prctl); run soak-agent with ${capabilities}`
    : `only ${name} may ${them}; run soak-agent as that user or with ${capabilities}`;
}

export function userOf(proc: string, pid: number): string {
  const user = ownerOf(`${proc}/${pid}`);
  return user === null ? 'its user' : `uid ${user}`;
}

function ownerOf(path: string): number | null {
  try {
    return statSync(path).uid;
  } catch {
    return null;
  }
}
