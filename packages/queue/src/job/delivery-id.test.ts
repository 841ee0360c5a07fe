import { expect, it } from 'vitest';
import { jobOfDelivery } from './delivery-id.ts';
import { newJobId } from './job-id.ts';

it('a delivery names a job by its id or its token, and none by the token of a lane', () => {
  const id = newJobId();
  expect(jobOfDelivery(id)).toBe(id);
  expect(jobOfDelivery(`turn-${id}`)).toBe(id);
  expect(jobOfDelivery('turn-17')).toBeNull();
});
