import type { JobView } from '@facequeue/schema/job-resource';
import { expect, it } from 'vitest';
import { queuedView } from './queued-view.ts';
import { stateEvent, stateId } from './state-event.ts';

const queued = queuedView(
  { id: '01930000-0000-7000-8000-000000000000', createdAt: 1000, expiresAt: 9000, replayed: false },
  { queue: 'bulk', source: { kind: 'inline' } },
);
const at = (job: JobView) => (stateEvent(job, '', 5000).data as { at: string }).at;
const iso = (ms: number) => new Date(ms).toISOString();

it('a state of a live job is reported since its creation, since its start, or since now if it was queued again', () => {
  expect(at(queued)).toBe(iso(1000));
  expect(at({ ...queued, status: 'processing', attempts: 1, startedAt: 3000 })).toBe(iso(3000));
  expect(at({ ...queued, attempts: 1, startedAt: 3000 })).toBe(iso(5000));
  expect(stateEvent({ ...queued, attempts: 1 }, '', 5000)).toMatchObject({
    id: '1-queued',
    event: 'status',
    data: { id: queued.id, status: 'queued', attempts: 1 },
  });
});

it('an end is reported with the whole job, and every state has an id of its own', () => {
  const ended: JobView = { ...queued, status: 'canceled', attempts: 2, finishedAt: 4000 };
  expect(stateEvent(ended, '/prod', 5000)).toMatchObject({
    id: '2-canceled',
    event: 'job',
    data: { id: queued.id, status: 'canceled', links: { self: `/prod/jobs/${queued.id}` } },
  });
  const states: JobView[] = [
    queued,
    { ...queued, attempts: 1 },
    { ...queued, status: 'processing', attempts: 1 },
    ended,
  ];
  expect(new Set(states.map(stateId)).size).toBe(4);
});
