import type { QueueFigures, Snapshot } from '@facequeue/queue';
import { SystemResource } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { systemResource } from './system-page.ts';

const figures = (more: Partial<QueueFigures> = {}): QueueFigures => ({
  waiting: 0,
  processing: 0,
  oldestMs: 0,
  throughput: 0,
  gapMs: 0,
  ...more,
});

const snapshot = (interactive: QueueFigures, load: number): Snapshot => ({
  at: 0,
  queues: { interactive, bulk: figures(), cameras: figures() },
  blobBytes: 0,
  resultBytes: 0,
  memory: { usedBytes: 0, limitBytes: 0 },
  full: { interactive: null, bulk: null, cameras: null },
  cameras: 0,
  workers: [
    {
      id: 'a',
      version: '0.1.0',
      device: 'cpu',
      models: null,
      engines: 2,
      queues: ['interactive'],
      busy: 1,
      load,
      startedAt: 0,
    },
  ],
});

describe('the numbers of /system', () => {
  it.each([
    [12.345_678, 12.3],
    [0.123_456, 0.123],
    [1234.5, 1230],
    [0.000_4, 0],
    [0, 0],
  ])('show a throughput of %d as %d', (throughput, rounded) => {
    expect(systemResource(snapshot(figures({ throughput }), 0), '').queues.interactive.drain_rate).toBe(rounded);
  });

  it('are rounded to milliseconds and to thousandths of load', () => {
    const { queues, workers } = systemResource(snapshot(figures({ oldestMs: 1234.56 }), 0.123_456), '');
    expect([queues.interactive.oldest_ms, workers[0]!.load]).toEqual([1235, 0.123]);
  });
});

it('shows of a worker what is documented, whatever else its heartbeat has', () => {
  const { workers, ...more } = snapshot(figures(), 0);
  const sandbox = { in_force: ['limits'], missing: ['no_network'] };
  const worker = { ...workers[0]!, flows: true as const, later: 1, fetching: {}, sandbox };
  const [view] = systemResource({ ...more, workers: [worker] }, '').workers;
  expect(Object.keys(view!).sort()).toEqual(Object.keys(SystemResource.shape.workers.element.shape).sort());
  expect(view).toMatchObject({ fetching: {}, sandbox });
});
