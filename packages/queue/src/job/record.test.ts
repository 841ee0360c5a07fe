import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { cameraOf, recordFrom, sourceFrom } from './record.ts';

const fields = (more: Record<string, string | number> = {}) =>
  Object.fromEntries(
    Object.entries({
      status: 'queued',
      queue: 'bulk',
      source: 'inline',
      options: JSON.stringify(DEFAULT_DETECTION_OPTIONS),
      requestId: 'r',
      owner: 'shop',
      createdAt: 1000,
      expiresAt: 9000,
      attempts: 2,
      ...more,
    }).map(([name, value]) => [name, Buffer.from(String(value))]),
  );

describe('a record', () => {
  it('without fields is none', () => {
    expect(recordFrom('id', {})).toBeNull();
  });

  it('of a job that waits has no more than its submission', () => {
    expect(recordFrom('id', fields())).toEqual({
      id: 'id',
      status: 'queued',
      queue: 'bulk',
      source: { kind: 'inline' },
      options: DEFAULT_DETECTION_OPTIONS,
      requestId: 'r',
      owner: 'shop',
      createdAt: 1000,
      startedAt: null,
      finishedAt: null,
      expiresAt: 9000,
      attempts: 2,
      image: null,
      timings: {},
      error: null,
      result: null,
      webhook: null,
      frame: null,
    });
  });

  it('of a job that has ended has what became of it', () => {
    const image = { width: 4, height: 3, format: 'png', bytes: 5, orientation: 1 };
    const ended = recordFrom(
      'id',
      fields({
        status: 'failed',
        source: 'https://example.com/a.jpg',
        startedAt: 1500,
        finishedAt: 2500,
        image: JSON.stringify(image),
        timings: JSON.stringify({ fetch: 7.5, detect: 3 }),
        errorCode: 'image_undecodable',
        errorDetail: 'cut off',
        result: 'bytes',
        camera: 'shop/yard/1',
        takenAt: 900,
      }),
    );
    expect(ended).toMatchObject({
      source: { kind: 'url', url: 'https://example.com/a.jpg' },
      startedAt: 1500,
      finishedAt: 2500,
      image,
      timings: { queue: 500, fetch: 7.5, detect: 3 },
      error: { code: 'image_undecodable', detail: 'cut off' },
      result: Buffer.from('bytes'),
      frame: { camera: 'yard/1', takenAt: 900 },
    });
  });

  it('of a frame may not say when it was taken', () => {
    expect(recordFrom('id', fields({ camera: '/yard' }))!.frame).toEqual({ camera: 'yard', takenAt: null });
  });
});

it('a source is the bytes of the job, or a URL', () => {
  expect(sourceFrom('inline')).toEqual({ kind: 'inline' });
  expect(sourceFrom('https://inline')).toEqual({ kind: 'url', url: 'https://inline' });
});

it.each([
  ['shop/yard', 'yard'],
  ['/yard', 'yard'],
  ['shop/yard/north', 'yard/north'],
])('the name %s is of the camera %s', (name, camera) => {
  expect(cameraOf(name)).toBe(camera);
});
