import { describe, expect, it } from 'vitest';
import { cameraFrom, frameResultFrom } from './record.ts';

const NOW = 1_800_000_000_000;

const FIELDS = {
  createdAt: `${NOW - 9000}`,
  keep: 'latest',
  lastFrameAt: `${NOW - 10}`,
  lastJob: 'f9',
  postedRate: `30 ${NOW}`,
  posted: '28',
  waiting: '1',
  processing: '2',
  succeeded: '3',
  failed: '4',
  superseded: '5',
  expired: '6',
  canceled: '7',
};

describe('the record of a camera', () => {
  it('is read as it was stored, by its name without the owner', () => {
    expect(cameraFrom('ann/gate/1', FIELDS, NOW)).toEqual({
      camera: 'gate/1',
      createdAt: NOW - 9000,
      keep: 'latest',
      lastFrameAt: NOW - 10,
      lastResultAt: null,
      lastJobId: 'f9',
      postedRate: 2,
      processedRate: 0,
      counts: {
        posted: 28,
        waiting: 1,
        processing: 2,
        succeeded: 3,
        failed: 4,
        superseded: 5,
        expired: 6,
        canceled: 7,
      },
    });
    const processed = { ...FIELDS, lastResultAt: `${NOW - 5}`, processedRate: `15 ${NOW}` };
    expect(cameraFrom('/gate', processed, NOW)).toMatchObject({
      camera: 'gate',
      lastResultAt: NOW - 5,
      processedRate: 1,
    });
  });

  it('is none for an unknown camera', () => expect(cameraFrom('/gate', {}, NOW)).toBeNull());
});

describe('the result of a frame', () => {
  const entry = (fields: Record<string, string | number>) =>
    frameResultFrom([
      Buffer.from('1800000000007-0'),
      Object.entries(fields).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(String(value))]),
    ]);

  it('is read as it was stored', () => {
    const image = { width: 8, height: 6, format: 'png', bytes: 99, orientation: 1 };
    const times = { b: NOW - 30, t: NOW, k: NOW - 40, a: NOW - 20 };
    const fields = { j: 'f', s: 'succeeded', ...times, f: JSON.stringify(image), m: '{"decode":1}', r: 'faces' };
    expect(entry(fields)).toEqual({
      cursor: '1800000000007',
      jobId: 'f',
      status: 'succeeded',
      takenAt: NOW - 40,
      arrivedAt: NOW - 30,
      startedAt: NOW - 20,
      finishedAt: NOW,
      error: null,
      image,
      timings: { decode: 1 },
      result: Buffer.from('faces'),
    });
  });

  it('that failed before it started has no image, timings or times it did not reach', () => {
    expect(entry({ j: 'f', s: 'failed', b: NOW - 30, t: NOW, c: 'image_undecodable', d: 'cut off' })).toEqual({
      cursor: '1800000000007',
      jobId: 'f',
      status: 'failed',
      takenAt: null,
      arrivedAt: NOW - 30,
      startedAt: null,
      finishedAt: NOW,
      error: { code: 'image_undecodable', detail: 'cut off' },
      image: null,
      timings: {},
      result: null,
    });
  });
});
