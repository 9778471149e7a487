/** docker/Dockerfile: which stage is made of which base, so that the last ones need no shell. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DOCKER } from './understood.ts';

const [head = '', ...stages] = readFileSync(join(DOCKER, 'Dockerfile'), 'utf8').split(/^(?=FROM )/m);

test('only the stage that builds runs anything; the others copy, so that their base may be one without a shell', () => {
  const bases = stages.map((stage) => [/^FROM \$\{(\w+)\}/.exec(stage)![1], /^RUN /m.test(stage)]);
  expect(bases).toEqual([
    ['BUILD_IMAGE', true],
    ['NODE_IMAGE', false],
    ['NODE_IMAGE', false],
  ]);
  // In the form of a shell these would need one as well.
  for (const [command] of stages
    .slice(1)
    .join('')
    .matchAll(/^(?:ENTRYPOINT|CMD|HEALTHCHECK .*CMD) .*/gm))
    expect(command).toContain(' ["');
});

test('both bases have a Node of the version that is needed', () => {
  const defaults = [...head.matchAll(/^ARG (\w+)=(\S+)/gm)].map(([, name, image]) => [name, image]);
  expect(defaults.map(([name]) => name)).toEqual(['BUILD_IMAGE', 'NODE_IMAGE']);
  for (const [, image] of defaults) expect(image).toMatch(/\bnode:24-/);
});
