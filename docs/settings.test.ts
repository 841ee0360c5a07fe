import { misspeltSettings } from '@facequeue/service/misspelt';
import { expect, it } from 'vitest';
import { gatewayVariables } from '../apps/api/src/variables.ts';
import { callerVariables, serveVariables } from '../apps/cli/src/variables.ts';
import { workerVariables } from '../apps/worker/src/variables.ts';

const READERS = { gatewayVariables, workerVariables, serveVariables, callerVariables };

it.each(Object.entries(READERS))('no setting of another process is taken for a misspelt one of %s', (_, own) => {
  const others = Object.values(READERS).flatMap((shape) => Object.keys(shape));
  const env = Object.fromEntries(others.filter((name) => !(name in own)).map((name) => [name, 'x']));
  expect(misspeltSettings(env, own)).toEqual([]);
});
