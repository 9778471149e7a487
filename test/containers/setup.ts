/** Builds the images of docker/Dockerfile once for all tests of containers, and measures it. */
import type { TestProject } from 'vitest/node';
import { canRunContainers, Engine } from './engine.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder of the engine with the images; null where containers cannot be started. */
    engine: string | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!canRunContainers()) {
    project.provide('engine', null);
    console.log('no containers here: they need podman, runc and root');
    return () => Promise.resolve();
  }
  const engine = new Engine();
  const start = performance.now();
  await engine.buildAll();
  console.log(`all stages built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const why = await engine.obstacle();
  if (why !== null) console.log(`containers cannot be started here: ${why}`);
  if (why !== null && process.env['CI'] === 'true') throw new Error(why);
  project.provide('engine', why === null ? engine.folder : null);
  return () => engine[Symbol.asyncDispose]();
}
