import { describe, expect, it } from 'vitest';
import { batchFrom, itemResultFrom } from './record.ts';

const NOW = 1_800_000_000_000;

const buffers = (fields: Record<string, string | number>) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Buffer.from(String(value))]));

const RUNNING = {
  state: 'running',
  open: 0,
  owner: 'ann',
  requestId: 'r',
  options: '{"profile":"fast"}',
  createdAt: NOW - 5000,
  lastAppend: NOW - 4000,
  total: 10,
  queued: 3,
  processing: 1,
  succeeded: 4,
  failed: 1,
  canceled: 1,
  ended: 6,
  rate: `30 ${NOW}`,
};
const read = (more: Record<string, string | number> = {}) => batchFrom('b', buffers({ ...RUNNING, ...more }), NOW);

describe('the record of a batch', () => {
  it('is read as it was stored', () => {
    expect(read({ closedAt: NOW - 3000 })).toEqual({
      id: 'b',
      owner: 'ann',
      requestId: 'r',
      status: 'running',
      options: { profile: 'fast' },
      createdAt: NOW - 5000,
      closedAt: NOW - 3000,
      finishedAt: null,
      expiresAt: null,
      counts: { total: 10, queued: 3, processing: 1, succeeded: 4, failed: 1, canceled: 1 },
      rate: 2,
      // Four items at two a second.
      remainingMs: 2000,
      complete: false,
      listing: null,
      output: null,
      webhook: null,
    });
    expect(read({ finishedAt: NOW, expiresAt: NOW + 60_000 })).toMatchObject({
      finishedAt: NOW,
      expiresAt: NOW + 60_000,
    });
  });

  it('is none for an unknown batch and for an erased one', () => {
    expect(batchFrom('b', {}, NOW)).toBeNull();
    expect(read({ erased: 1 })).toBeNull();
  });

  it('that is not settled yet has the status it will have then', () => {
    expect(read({ state: 'building', open: 1 })!.status).toBe('open');
    expect(read({ state: 'building', open: 0 })!.status).toBe('running');
    for (const state of ['open', 'running', 'finished', 'canceled'])
      expect(read({ state, open: 1 })!.status).toBe(state);
  });

  it('says when the rest will have ended only while that is known', () => {
    expect(read({ finishedAt: NOW })!.remainingMs).toBeNull();
    // 0.01 a second and less says nothing.
    expect(read({ rate: `0.15 ${NOW}` })!.remainingMs).toBe(400_000);
    expect(read({ rate: `0.149 ${NOW}` })!.remainingMs).toBeNull();
  });

  it('is complete once it is closed and every item has ended', () => {
    expect(read({ closedAt: NOW, ended: 10 })!.complete).toBe(true);
    expect(read({ closedAt: NOW, ended: 9 })!.complete).toBe(false);
    expect(read({ ended: 10 })!.complete).toBe(false);
  });

  it('has the state of each task, with its error', () => {
    const tasks = read({
      listing: '{"url":"s3://a/","suffixes":[".jpg"]}',
      listStatus: 'failed',
      listCode: 'source_forbidden',
      listDetail: 'no',
      output: '{"url":"s3://a/out","overwrite":true}',
      writeStatus: 'waiting',
    })!;
    expect(tasks.listing).toEqual({
      url: 's3://a/',
      suffixes: ['.jpg'],
      status: 'failed',
      error: { code: 'source_forbidden', detail: 'no' },
    });
    expect(tasks.output).toEqual({ url: 's3://a/out', overwrite: true, status: 'waiting', error: null });
  });
});

describe('the result of an item', () => {
  const entry = (fields: Record<string, string | number>) =>
    itemResultFrom([
      Buffer.from('7-0'),
      Object.entries(buffers(fields)).flatMap(([name, value]) => [Buffer.from(name), value]),
    ]);

  it('is read as it was stored', () => {
    const image = { width: 8, height: 6, format: 'png', bytes: 99, orientation: 1 };
    const fields = {
      i: 'a.jpg',
      s: 'succeeded',
      t: NOW,
      l: 3,
      j: 'job',
      a: 2,
      f: JSON.stringify(image),
      m: '{"decode":1}',
    };
    expect(entry({ ...fields, r: 'faces' })).toEqual({
      cursor: '7',
      name: 'a.jpg',
      line: 3,
      jobId: 'job',
      status: 'succeeded',
      finishedAt: NOW,
      attempts: 2,
      error: null,
      image,
      timings: { decode: 1 },
      result: Buffer.from('faces'),
    });
  });

  it('of one that could not be read has no job, image or timings', () => {
    expect(entry({ i: '#4', s: 'failed', t: NOW, a: 0, c: 'invalid_request', d: 'is not JSON' })).toEqual({
      cursor: '7',
      name: '#4',
      line: null,
      jobId: '',
      status: 'failed',
      finishedAt: NOW,
      attempts: 0,
      error: { code: 'invalid_request', detail: 'is not JSON' },
      image: null,
      timings: {},
      result: null,
    });
  });
});
