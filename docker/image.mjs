// What the images copy, each as a tree from its root: the program with its health check and an empty folder of runs; the demo in files
// without packages.
//
//   node docker/image.mjs FOLDER        after tools/build.ts
import { chmodSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = process.argv[2];
if (folder === undefined) throw new Error('should be followed by the folder to write');

const agent = join(folder, 'agent/opt/soak-agent');
cpSync(join(ROOT, 'dist'), agent, { recursive: true });
cpSync(join(ROOT, 'docker/health.mjs'), join(agent, 'health.mjs'));
// `docker exec agent soak-agent ...`; it needs /usr/bin/env, which an image without a shell may not have.
mkdirSync(join(agent, 'bin'), { recursive: true });
symlinkSync('../soak-agent.js', join(agent, 'bin/soak-agent'));

// Modes of what is in a folder that is copied are kept, and that of the folder itself is not.
const runs = join(folder, 'agent/runs');
mkdirSync(runs, { recursive: true });
chmodSync(runs, 0o1777);

await build({
  entryPoints: ['demo/service.mjs', 'demo/load.mjs', 'docker/health.mjs'].map((path) => join(ROOT, path)),
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  outdir: join(folder, 'demo/opt/demo'),
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  external: ['pg-native'],
  logLevel: 'warning',
  // CommonJS packages inside an ES module call require, which is not there.
  banner: { js: "import{createRequire as demoCreateRequire}from'node:module';const require=demoCreateRequire(import.meta.url);" },
});
