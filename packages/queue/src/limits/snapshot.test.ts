import { describe, expect, it } from 'vitest';
import { snapshotFrom } from './snapshot.ts';

describe('a snapshot', () => {
  it('leaves out workers that have been silent for more than 15 s', () => {
    const worker = (id: string, at: number) => `${at} ${JSON.stringify({ id })}`;
    const reply = [
      20_000,
      1,
      2,
      [worker('lives', 5000), worker('gone', 4999)],
      6,
      70,
      80,
      'a',
      3,
      4,
      5,
      '0.5',
      '12.5',
      'waiting',
      1,
      0,
      0,
      0,
      '0',
      '0',
      '',
      0,
      1,
      0,
      2,
      '0',
      '0',
      'oldest',
      0,
    ];
    expect(snapshotFrom(reply)).toEqual({
      at: 20_000,
      blobBytes: 1,
      resultBytes: 2,
      memory: { usedBytes: 70, limitBytes: 80 },
      queues: {
        interactive: { waiting: 3, processing: 4, oldestMs: 5, throughput: 0.5, gapMs: 12.5 },
        bulk: { waiting: 0, processing: 0, oldestMs: 0, throughput: 0, gapMs: 0 },
        cameras: { waiting: 1, processing: 0, oldestMs: 2, throughput: 0, gapMs: 0 },
      },
      full: {
        interactive: { reason: 'waiting', text: 'too many jobs are waiting', flow: 'a' },
        bulk: null,
        cameras: { reason: 'oldest', text: 'jobs have been waiting too long', flow: null },
      },
      cameras: 6,
      workers: [{ id: 'lives' }],
    });
  });
});
