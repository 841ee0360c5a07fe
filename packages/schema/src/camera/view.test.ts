import { describe, expect, it } from 'vitest';
import { encodeResult } from '../detection/result-codec.ts';
import { JobResource } from '../job/resource.ts';
import { jobResource } from '../job/view.ts';
import { CameraResource, FrameEvent } from './resource.ts';
import { type CameraView, cameraResource, type FrameView, frameEvent } from './view.ts';

const ID = '01930000-0000-7000-8000-000000000000';
const T = Date.parse('2026-01-02T03:04:05.678Z');
const TIME = '2026-01-02T03:04:05.678Z';

const camera: CameraView = {
  camera: 'gate-1',
  createdAt: T,
  keep: 'latest',
  lastFrameAt: T,
  lastResultAt: null,
  lastJobId: ID,
  postedRate: 4.98765,
  processedRate: 0,
  counts: { posted: 3, waiting: 1, processing: 0, succeeded: 0, failed: 0, superseded: 2, expired: 0, canceled: 0 },
};

const frame: FrameView = {
  jobId: ID,
  status: 'succeeded',
  takenAt: T,
  arrivedAt: T,
  startedAt: T,
  finishedAt: T,
  error: null,
  image: { width: 4, height: 3, format: 'jpeg', bytes: 100, orientation: 1 },
  timings: { detect: 3 },
  result: encodeResult({ Faces: [], FaceModelVersion: '1.0.0' }),
};

describe('a camera renders', () => {
  it('exactly as documented, with links that lead to it', () => {
    const resource = cameraResource(camera, '/prod');
    expect(CameraResource.strict().parse(resource)).toEqual(resource);
    expect(resource).toMatchObject({
      frames_per_second: { posted: 4.99, processed: 0 },
      last_frame_at: TIME,
      last_result_at: null,
      links: { frames: '/prod/cameras/gate-1/frames', events: '/prod/cameras/gate-1/events' },
    });
  });
});

describe('a frame renders', () => {
  it('with its faces and its times', () => {
    const event = frameEvent('gate-1', frame);
    expect(FrameEvent.strict().parse(event)).toEqual(event);
    expect(event).toMatchObject({
      camera: 'gate-1',
      job: ID,
      frame_time: TIME,
      result: { Faces: [], FaceModelVersion: '1.0.0' },
      error: null,
    });
  });

  it('with the error of a failed frame', () => {
    const error = { code: 'image_undecodable' as const, detail: 'half an image' };
    const event = frameEvent('gate-1', {
      ...frame,
      status: 'failed',
      takenAt: null,
      startedAt: null,
      result: null,
      error,
    });
    expect(FrameEvent.strict().parse(event)).toEqual(event);
    expect(event).toMatchObject({ frame_time: null, result: null, error: { ...error, status: 422, job_id: ID } });
  });

  it('as a job, which names its camera', () => {
    const job = jobResource(
      {
        ...{ id: ID, status: 'canceled', queue: 'cameras', source: { kind: 'inline' }, attempts: 0 },
        ...{ createdAt: T, startedAt: null, finishedAt: T, expiresAt: T, image: null, timings: {}, result: null },
        ...{ error: { code: 'superseded', detail: 'a newer frame came' }, webhook: null },
        frame: { camera: 'gate-1', takenAt: T },
      },
      '',
    );
    expect(JobResource.strict().parse(job)).toEqual(job);
    expect(job).toMatchObject({
      status: 'canceled',
      error: { code: 'superseded', status: 409 },
      frame: { camera: 'gate-1', frame_time: TIME },
    });
  });
});
