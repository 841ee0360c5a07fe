import { describe, expect, it } from 'vitest';
import { encodeResult } from '../detection/result-codec.ts';
import { isImageQueue, WORKER_QUEUE_NAMES } from './queues.ts';
import { readJobQuery } from './request.ts';
import { isTerminal, JOB_STATUSES, JobResource } from './resource.ts';
import { endError, type JobView, jobResource, resultOf } from './view.ts';

const ID = '01930000-0000-7000-8000-000000000000';
const T = Date.parse('2026-01-02T03:04:05.678Z');
const TIME = '2026-01-02T03:04:05.678Z';
const RESULT = { Faces: [], FaceModelVersion: '1.0.0' };
const job: JobView = {
  id: ID,
  status: 'succeeded',
  queue: 'bulk',
  source: { kind: 'url' },
  createdAt: T,
  startedAt: T + 1,
  finishedAt: T + 2,
  expiresAt: T + 3,
  attempts: 2,
  image: { width: 4, height: 3, format: 'jpeg', bytes: 100, orientation: 6 },
  timings: { detect: 3 },
  error: null,
  result: encodeResult(RESULT),
  webhook: null,
  frame: null,
};

describe('a job', () => {
  it('that succeeded renders with its result and without error', () => {
    const resource = jobResource(job, '/prod');
    expect(JobResource.strict().parse(resource)).toEqual(resource);
    expect(resource).toEqual({
      id: ID,
      status: 'succeeded',
      created_at: TIME,
      started_at: '2026-01-02T03:04:05.679Z',
      finished_at: '2026-01-02T03:04:05.680Z',
      expires_at: '2026-01-02T03:04:05.681Z',
      attempts: 2,
      queue: 'bulk',
      image: job.image,
      result: RESULT,
      error: null,
      timings: { detect: 3 },
      links: { self: `/prod/jobs/${ID}`, events: `/prod/jobs/${ID}/events`, cancel: `/prod/jobs/${ID}/cancel` },
    });
  });

  it('that has not ended renders without result and error, whatever its record holds already', () => {
    for (const status of ['queued', 'processing'] as const) {
      const resource = jobResource({ ...job, status, startedAt: null, finishedAt: null }, '');
      expect(resource).toMatchObject({ status, result: null, error: null, started_at: null, finished_at: null });
    }
  });

  it.each([
    [
      'failed',
      { code: 'image_undecodable', detail: 'half' },
      { code: 'image_undecodable', detail: 'half', status: 422 },
    ],
    ['expired', null, { code: 'expired', detail: 'the job was not started in time' }],
    ['canceled', null, { code: 'canceled', detail: 'the job was canceled' }],
    ['canceled', { code: 'superseded', detail: 'newer' }, { code: 'superseded', detail: 'newer' }],
  ] as const)('that is %s with %j renders with its problem, which names the job', (status, error, problem) => {
    const resource = jobResource({ ...job, status, error, result: null }, '');
    expect(resource).toMatchObject({ result: null, error: { ...problem, job_id: ID } });
  });

  it('shows its webhook and its frame when it has them', () => {
    const webhook = {
      url: 'https://example.org/',
      status: 'failed',
      attempts: [{ at: T, status: 500, error: null, ms: 12 }],
      nextAt: null,
    } as const;
    const resource = jobResource(
      { ...job, webhook: { ...webhook, attempts: [...webhook.attempts] }, frame: { camera: 'gate', takenAt: null } },
      '',
    );
    expect(JobResource.strict().parse(resource)).toEqual(resource);
    expect(resource).toMatchObject({
      webhook: { status: 'failed', attempts: [{ at: TIME, status: 500, error: null, ms: 12 }], next_at: null },
      frame: { camera: 'gate', frame_time: null },
    });
    expect(jobResource({ ...job, webhook: { ...webhook, attempts: [], nextAt: T } }, '').webhook?.next_at).toBe(TIME);
  });

  it('that did not succeed throws for its waiting caller, naming the member with the image', () => {
    const error = { code: 'source_timeout', detail: 'slow' } as const;
    expect(endError({ ...job, error })).toMatchObject({ ...{ code: 'source_timeout', jobId: ID, parameter: 'url' } });
    expect(endError({ ...job, source: { kind: 'inline' }, error })).toMatchObject({
      message: 'slow',
      parameter: 'img',
    });
  });

  it('that succeeded without a result is an error, not an empty answer', () => {
    expect(() => resultOf({ id: ID, result: null })).toThrow(`job ${ID} succeeded without a result`);
  });

  it('ends once: these states never change', () => {
    expect(JOB_STATUSES.filter(isTerminal)).toEqual(['succeeded', 'failed', 'canceled', 'expired']);
  });
});

describe('the query of a job', () => {
  const wait = (text: string) => readJobQuery(new URLSearchParams(text)).wait;

  it('may wait up to a minute', () => {
    expect([wait(''), wait('wait=0'), wait('wait=60'), wait('wait=07')]).toEqual([undefined, 0, 60, 7]);
    for (const text of ['61', '100', '-1', '1.5', '', ' 1'])
      expect(() => wait(`wait=${text}`), text).toThrow(/option wait/);
  });
});

it('webhooks are the only queue without images', () => {
  expect(WORKER_QUEUE_NAMES.filter((name) => !isImageQueue(name))).toEqual(['webhooks']);
});
