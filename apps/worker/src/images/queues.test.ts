import { QUEUE_NAMES } from '@facequeue/schema';
import { expect, it } from 'vitest';
import { QUEUE_POLICIES } from './queues.ts';

it('a worker has two jobs for each engine, but only one frame of cameras more than engines', () => {
  const jobs = QUEUE_NAMES.map((name) => [name, ...[1, 4].map((engines) => QUEUE_POLICIES[name].activeJobs(engines))]);
  expect(jobs).toEqual([
    ['interactive', 2, 8],
    ['bulk', 2, 8],
    ['cameras', 2, 5],
  ]);
});
