import { expect, test } from 'vitest';
import type { BatchView } from '../batch/view.ts';
import { TERMINAL_STATUSES } from '../job/resource.ts';
import type { JobView } from '../job/view.ts';
import { webhookEvent } from './body.ts';
import { BatchEvent, JobEvent, WEBHOOK_EVENTS } from './event.ts';

const NOW = Date.UTC(2026, 0, 1);
const job: JobView = {
  id: '01940000-0000-7000-8000-000000000000',
  status: 'failed',
  queue: 'interactive',
  source: { kind: 'inline' },
  createdAt: NOW - 1000,
  startedAt: null,
  finishedAt: NOW,
  expiresAt: NOW + 1000,
  attempts: 1,
  image: null,
  timings: {},
  error: { code: 'image_undecodable', detail: 'the png is cut off' },
  result: null,
  webhook: { url: 'https://example.com', status: 'pending', attempts: [], nextAt: NOW },
  frame: null,
};
const batch: BatchView = {
  id: job.id,
  status: 'finished',
  createdAt: NOW - 1000,
  closedAt: NOW - 500,
  finishedAt: NOW,
  expiresAt: NOW + 1000,
  counts: { total: 0, queued: 0, processing: 0, succeeded: 0, failed: 0, canceled: 0 },
  rate: 0,
  remainingMs: null,
  listing: null,
  output: null,
  webhook: job.webhook,
};

test('the event of a job has the type of its end, and the job without its webhook', () => {
  for (const status of ['failed', 'canceled', 'expired'] as const) {
    const event = webhookEvent({ kind: 'job', job: { ...job, status } }, NOW, '/prod');
    expect(JobEvent.strict().parse(event)).toEqual(event);
    expect(event).toMatchObject({ type: `job.${status}`, timestamp: '2026-01-01T00:00:00.000Z', data: { status } });
    expect(event.data).not.toHaveProperty('webhook');
  }
});

test.each(['finished', 'canceled'] as const)('the event of a batch that is %s is batch.finished', (status) => {
  const event = webhookEvent({ kind: 'batch', batch: { ...batch, status } }, NOW, '/prod');
  expect(BatchEvent.strict().parse(event)).toEqual(event);
  expect(event).toMatchObject({ type: 'batch.finished', timestamp: '2026-01-01T00:00:00.000Z', data: { status } });
  expect(event.data).not.toHaveProperty('webhook');
});

test('a job or batch that has not ended has no event', () => {
  expect(() => webhookEvent({ kind: 'job', job: { ...job, status: 'queued' } }, NOW, '')).toThrow('has not ended');
  expect(() => webhookEvent({ kind: 'batch', batch: { ...batch, status: 'running' } }, NOW, '')).toThrow(
    'has not ended',
  );
});

test('the table of events lists the type of every end', () => {
  expect(WEBHOOK_EVENTS.job.types).toEqual(TERMINAL_STATUSES.map(WEBHOOK_EVENTS.job.typeOf));
  for (const status of ['finished', 'canceled'] as const)
    expect(WEBHOOK_EVENTS.batch.types).toContain(WEBHOOK_EVENTS.batch.typeOf(status));
});
