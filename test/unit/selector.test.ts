import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { Problem } from '../../src/problem.ts';
import { defaultRole, parseTarget, processName, type Selector } from '../../src/selector.ts';

function problemOf(text: string): Problem {
  try {
    parseTarget(text);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`"${text}" was taken`);
}

describe('selectors', () => {
  test.each<[string, Selector]>([
    ['4242', { kind: 'pid', pid: 4242 }],
    [' 4242 ', { kind: 'pid', pid: 4242 }],
    ['pid:4242', { kind: 'pid', pid: 4242 }],
    ['name:nginx', { kind: 'name', name: 'nginx' }],
    ['name:gnome-terminal-server', { kind: 'name', name: 'gnome-terminal-' }], // the kernel cuts, so we do
    ['name:MainThread', { kind: 'name', name: 'node' }],
    ['name:a) S 1 (b', { kind: 'name', name: 'a) S 1 (b' }],
    ['cmd:node .*api\\.js', { kind: 'cmd', pattern: /node .*api\.js/ }],
    ['port:8080', { kind: 'port', port: 8080 }],
    ['pidfile:/run/x=y:z.pid', { kind: 'pidfile', path: '/run/x=y:z.pid' }],
    ['cgroup:/system.slice/api.service/', { kind: 'cgroup', path: '/system.slice/api.service' }],
    ['cgroup:/sys/fs/cgroup/system.slice/api.service', { kind: 'cgroup', path: '/system.slice/api.service' }],
    ['cgroup:/sys/fs/cgroup/cpu,cpuacct/docker/0a1b', { kind: 'cgroup', path: '/docker/0a1b' }],
    ['cgroup:/sys/fs/cgroup/memory-hog.slice', { kind: 'cgroup', path: '/memory-hog.slice' }],
    ['container:0123456789ab', { kind: 'cgroup', path: '0123456789ab' }],
    ['exec:A=1 node app.js --x=y', { kind: 'exec', command: 'A=1 node app.js --x=y' }],
  ])('%s', (text, selector) => {
    expect(parseTarget(text)).toEqual({ role: null, selector });
  });

  test('the role stands before the kind; later = belong to the selector', () => {
    expect(parseTarget('api=port:8080')).toEqual({ role: 'api', selector: { kind: 'port', port: 8080 } });
    expect(parseTarget('a-1_b=cmd:--role=x')).toEqual({ role: 'a-1_b', selector: { kind: 'cmd', pattern: /--role=x/ } });
    expect(parseTarget('db=4242')).toEqual({ role: 'db', selector: { kind: 'pid', pid: 4242 } });
    expect(parseTarget('cmd:--role=x').role).toBeNull();
  });

  test.each([
    ['', 'this is no selector'],
    ['nginx', 'this is no selector'],
    ['API=port:80', '"API" cannot be a role'],
    ['1a=port:80', '"1a" cannot be a role'],
    ['=port:80', '"" cannot be a role'],
    ['api=', 'this is no selector'],
    ['prt:80', 'there is no selector "prt:"'],
    ['0', 'a pid is a number from 1'],
    ['99999999', 'a pid is a number from 1'],
    ['pid:x', 'a pid is a number from 1'],
    ['name:', 'nothing follows "name:"'],
    ['exec:  ', 'nothing follows "exec:"'],
    ['cmd:(', 'is not a regular expression: /(/: Unterminated group'],
    ['port:0', 'a port is a number'],
    ['port:65536', 'a port is a number'],
    ['port:80/tcp', 'a port is a number'],
    ['cgroup:/', 'has every process in it'],
    ['cgroup:/sys/fs/cgroup', 'has every process in it'],
  ])('%s is refused and the message says what would be right', (text, message) => {
    const problem = problemOf(text);
    expect(problem.code).toBe('SELECTOR');
    expect(problem.exitCode).toBe(64);
    expect(problem.message).toContain(message);
  });

  test('a mistyped kind does not print what follows it', () => {
    expect(problemOf('exce:curl -H "Authorization: hunter2"').message).not.toContain('hunter2');
  });

  test('never throws anything but a Problem', () => {
    const texts = fc.tuple(fc.constantFrom('', 'a=', 'name:', 'cmd:', 'port:', 'pidfile:', 'cgroup:', 'exec:', 'pid:'), fc.string());
    fc.assert(
      fc.property(texts, (parts) => {
        try {
          const { role } = parseTarget(parts.join(''));
          if (role !== null) expect(role).toMatch(/^[a-z][a-z0-9_-]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });
});

describe('a role for a target that was given none', () => {
  test.each([
    ['name:Web Server', 'web-server'],
    ['name:9p', 'p'],
    ['cmd:^/usr/bin/node .*/checkout\\.js', 'checkout'],
    ['cmd:\\d+', 'target'],
    ['port:8080', 'port-8080'],
    ['pidfile:/run/nginx.pid', 'nginx'],
    ['cgroup:/system.slice/api.service', 'api'],
    ['cgroup:/docker/0123456789abcdef0123', 'container-0123456789ab'],
    ['exec:A=1 ./bin/server.sh --port 80', 'server'],
    ['exec:exec node x.js', 'node'],
    ['4242', 'target'],
  ])('%s is %s', (text, role) => {
    expect(defaultRole(parseTarget(text).selector)).toBe(role);
  });

  test('a pid has the name of its process', () => {
    const { selector } = parseTarget('4242');
    expect(defaultRole(selector, 'redis-server')).toBe('redis-server');
    expect(defaultRole(selector, 'MainThread')).toBe('node');
    expect(defaultRole(selector, '123')).toBe('target');
    expect(processName('MainThread')).toBe('node');
  });

  test('is always a role', () => {
    const selectors = fc.oneof(
      fc.string().map((name): Selector => ({ kind: 'name', name })),
      fc.string().map((path): Selector => ({ kind: 'cgroup', path })),
      fc.string().map((command): Selector => ({ kind: 'exec', command })),
    );
    fc.assert(
      fc.property(selectors, (selector) => {
        expect(defaultRole(selector)).toMatch(/^[a-z][a-z0-9_-]{0,31}$/);
      }),
    );
  });
});
