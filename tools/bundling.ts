/**
 * What the bundle leaves out or puts off, because it would stay in the memory of every run for nothing. The same modules from node_modules,
 * without the bundle, behave alike and take more.
 */
import { createRequire } from 'node:module';
import type { Plugin } from 'esbuild';

const require = createRequire(import.meta.url);

/**
 * Modules of Node that are loaded when a name of theirs is first used. An ES import reads every name of a module, and behind
 * `WebSocket` of `node:http` stands a second HTTP client; `node:https` brings TLS. Of a run with a scrape 4 MB private, 6 resident.
 */
const LAZY = ['http', 'https'];

export const lazyBuiltins: Plugin = {
  name: 'builtins at first use',
  setup: (plugin) => {
    plugin.onResolve({ filter: new RegExp(`^(node:)?(${LAZY.join('|')})$`) }, ({ path, kind }) =>
      kind === 'import-statement' ? { path: path.replace(/^(node:)?/, 'node:'), namespace: 'lazy' } : undefined,
    );
    plugin.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({ contents: lazily(path), loader: 'js' }));
  },
};

/** A CommonJS module, whose names the bundle reads where they are used and not before. */
function lazily(path: string): string {
  const names = JSON.stringify(Object.keys(require(path) as object));
  return `for (const name of ${names})
    Object.defineProperty(exports, name, { enumerable: true, get: () => process.getBuiltinModule('${path}')[name] });`;
}

/** What NodeSDK makes only when it is given no list of its own, by names in the environment; ours are given, empty or not (src/views/otel.ts). */
const UNREACHED = /^@opentelemetry\/(exporter-(trace|logs|metrics)-otlp|exporter-zipkin|otlp-|propagator-)/;

/** NodeSDK without what configures it from files and without exporters that it never makes, gRPC among them. 700 kB of code, 4 MB of memory. */
export const otelWithoutUnused: Plugin = {
  name: 'OpenTelemetry without what is never reached',
  setup: (plugin) => {
    plugin.onResolve({ filter: /^@opentelemetry\// }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'resolved') return undefined;
      if (UNREACHED.test(path) && from.importer.includes('@opentelemetry/sdk-node')) return { path, namespace: 'unreached' };
      return { ...(await plugin.resolve(path, { ...from, pluginData: 'resolved' })), sideEffects: false };
    });
    plugin.onLoad({ filter: /./, namespace: 'unreached' }, ({ path }) => ({ contents: unreached(path), loader: 'js' }));
  },
};

function unreached(path: string): string {
  return `module.exports = new Proxy({}, { get(_, name) { throw new Error('${path} is not in this bundle: ' + String(name)); } });`;
}
