/** What the agent may need to be allowed, and how that is said to a server. */

/** Everything the agent asks, apart from watched keys. Verified on 7.0.15: with these alone all of it works. */
export const COMMANDS = [
  'hello',
  'ping',
  'info',
  'client|list',
  'client|id',
  'client|setname',
  'slowlog|get',
  'slowlog|len',
  'latency|latest',
  'latency|histogram',
  'memory|stats',
  'config|get',
] as const;

/** For watched keys: their kind, and the length of each kind. */
export const KEY_COMMANDS = ['type', 'llen', 'xlen', 'zcard', 'scard', 'hlen', 'xinfo|groups', 'xpending'] as const;

/**
 * One line for redis-cli.
 * @param readOnly whether keys can be allowed for reading alone, as since 7.0; otherwise the user's other commands may write to them
 */
export function aclLine(user: string, commands: readonly string[], keys: readonly string[] = [], readOnly = false): string {
  const rules = [...keys.map((key) => (readOnly ? '%R~' : '~') + patternOf(key)), ...commands.map((command) => `+${command}`)];
  return ['ACL SETUSER', ...[user, ...rules].map(quoted)].join(' ');
}

/** The narrowest pattern that this key matches. No rule of an ACL may have a blank in it: any one character stands for that. */
function patternOf(key: string): string {
  return key.replaceAll(/[\\*?[\]^]/g, '\\$&').replaceAll(/\s/g, '?');
}

/** redis-cli splits at blanks, and knows escapes within double quotes only. */
function quoted(text: string): string {
  return /["'\s\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : text;
}
