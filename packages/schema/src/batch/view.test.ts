import { expect, test } from 'vitest';
import { encodeResult } from '../detection/result-codec.ts';
import { BatchEvent } from '../webhook/event.ts';
import { BatchResource, ItemLine } from './resource.ts';
import { type BatchView, batchResource, type ItemView, itemLine } from './view.ts';

const NOW = Date.UTC(2026, 0, 1);
const batch: BatchView = {
  id: '01940000-0000-7000-8000-000000000000',
  status: 'running',
  createdAt: NOW - 5000,
  closedAt: NOW - 1000,
  finishedAt: null,
  expiresAt: null,
  counts: { total: 9, queued: 3, processing: 1, succeeded: 3, failed: 1, canceled: 1 },
  rate: 1.23456,
  remainingMs: 3000,
  listing: null,
  output: null,
  webhook: null,
};
const item: ItemView = {
  cursor: '7',
  name: 'a.jpg',
  line: 3,
  status: 'succeeded',
  finishedAt: NOW,
  attempts: 1,
  error: null,
  image: { width: 2, height: 2, format: 'png', bytes: 70, orientation: 1 },
  timings: { queue: 1 },
  result: encodeResult({ Faces: [], FaceModelVersion: '1.0.0' }),
};

test('a running batch has its rate and its estimated finish', () => {
  const rendered = BatchResource.parse(batchResource(batch, '/prod', NOW));
  expect(rendered).toMatchObject({
    status: 'running',
    items_per_second: 1.23,
    estimated_finish: '2026-01-01T00:00:03.000Z',
    links: { results: `/prod/batches/${batch.id}/results` },
  });
  expect(Object.keys(rendered)).not.toContain('webhook');
});

test('a batch that has ended renders the same at any time, as its webhook must', () => {
  const ended: BatchView = { ...batch, status: 'finished', finishedAt: NOW, expiresAt: NOW + 1000 };
  const data = batchResource(ended, '', NOW);
  expect(batchResource({ ...ended, rate: 0.1, remainingMs: null }, '', NOW + 60_000)).toEqual(data);
  expect(data).toMatchObject({ items_per_second: 0, estimated_finish: null });
  const event = { type: 'batch.finished', timestamp: data.finished_at, data };
  expect(BatchEvent.parse(event)).toEqual(event);
});

test('a batch shows every link and its webhook', () => {
  const webhook = { url: 'https://example.org/', status: 'pending' as const, attempts: [], nextAt: NOW };
  const rendered = batchResource({ ...batch, webhook, remainingMs: null }, '/prod', NOW);
  const path = `/prod/batches/${batch.id}`;
  expect(rendered).toMatchObject({
    webhook: { url: 'https://example.org/', status: 'pending', attempts: [], next_at: '2026-01-01T00:00:00.000Z' },
    estimated_finish: null,
    closed_at: '2025-12-31T23:59:59.000Z',
  });
  expect(rendered.links).toEqual({
    self: path,
    results: `${path}/results`,
    items: `${path}/items`,
    close: `${path}/close`,
    cancel: `${path}/cancel`,
  });
  expect(rendered).not.toHaveProperty('listing');
  expect(rendered).not.toHaveProperty('output');
});

test('a failed task of a batch renders as a problem', () => {
  const error = { code: 'source_forbidden' as const, detail: 'the bucket is not allowed' };
  const { listing, output } = BatchResource.parse(
    batchResource(
      {
        ...batch,
        listing: { url: 's3://b/p/', suffixes: ['.jpg'], status: 'failed', error },
        output: { url: 's3://b/o.ndjson', overwrite: false, status: 'waiting', error: null },
      },
      '',
    ),
  );
  expect(listing?.error).toMatchObject({ status: 422, code: 'source_forbidden', detail: error.detail });
  expect(output).toEqual({ url: 's3://b/o.ndjson', overwrite: false, status: 'waiting', error: null });
});

test('an item renders with its faces or its error', () => {
  expect(ItemLine.parse(itemLine(item))).toMatchObject({
    id: 'a.jpg',
    line: 3,
    result: { Faces: [], FaceModelVersion: '1.0.0' },
    error: null,
    cursor: '7',
  });
  const failed: ItemView = {
    ...item,
    line: null,
    status: 'failed',
    result: null,
    image: null,
    error: { code: 'invalid_request', detail: 'bad' },
  };
  expect(ItemLine.parse(itemLine(failed))).toMatchObject({ result: null, error: { code: 'invalid_request' } });
  expect(Object.keys(itemLine(failed))).not.toContain('line');
  const canceled = itemLine({ ...failed, status: 'canceled', error: null });
  expect(canceled.error).toMatchObject({ code: 'canceled', status: 409, detail: 'the item was canceled' });
});
