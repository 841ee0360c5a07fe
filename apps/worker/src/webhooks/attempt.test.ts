import type { WebhookDelivery } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, FacequeueError } from '@facequeue/schema';
import { createLogger } from '@facequeue/service';
import type { PostAnswer } from '@facequeue/source';
import { describe, expect, it, vi } from 'vitest';
import { type AttemptDeps, attemptDelivery } from './attempt.ts';

const SECRET = `whsec_${Buffer.alloc(32, 's').toString('base64')}`;
const NOW = 1_800_000_000_000;
const never = new AbortController().signal;

const DELIVERY: WebhookDelivery = {
  webhookId: 'msg_j',
  url: 'https://receiver.example/hook',
  attempt: 2,
  endedAt: NOW - 1000,
  subject: {
    kind: 'job',
    job: {
      id: 'j',
      status: 'canceled',
      queue: 'interactive',
      source: { kind: 'inline' },
      options: DEFAULT_DETECTION_OPTIONS,
      requestId: 'r',
      owner: 'shop',
      createdAt: NOW - 2000,
      startedAt: null,
      finishedAt: NOW - 1000,
      expiresAt: NOW + 60_000,
      attempts: 0,
      image: null,
      timings: {},
      error: { code: 'canceled', detail: 'the job was canceled' },
      result: null,
      webhook: null,
      frame: null,
    },
  },
};

function attempt(post: () => Promise<PostAnswer>, more: Partial<AttemptDeps> = {}, signal = never) {
  const deps: AttemptDeps = {
    poster: { post: vi.fn(post) },
    secrets: new Map([['shop', [SECRET]]]),
    basePath: '',
    schedule: { delaysMs: [1000, 20_000], forMs: 3_600_000 },
    log: createLogger('worker', 'silent'),
    now: () => NOW,
    random: () => 0,
    ...more,
  };
  return attemptDelivery(deps, DELIVERY, signal);
}

const answers = (status: number, retryAfterMs?: number) => async () => ({ status, retryAfterMs });

describe('an answer of the receiver', () => {
  it.each([
    [200, 'delivered', null],
    [299, 'delivered', null],
    [199, 'pending', 'the receiver answered 199'],
    [300, 'pending', 'the receiver answered 300; redirects are not followed'],
    [399, 'pending', 'the receiver answered 399; redirects are not followed'],
    [400, 'pending', 'the receiver answered 400'],
    [409, 'pending', 'the receiver answered 409'],
    [410, 'gone', 'the receiver answered 410'],
    [411, 'pending', 'the receiver answered 411'],
    [500, 'pending', 'the receiver answered 500'],
  ])('of %i makes the webhook %s', async (status, outcome, error) => {
    const given = await attempt(answers(status));
    expect(given).toEqual({
      status: outcome,
      attempt: { at: NOW, status, error, ms: expect.any(Number) },
      ...(outcome === 'pending' && { nextAt: NOW + 20_000 }),
    });
  });

  it('may ask for a later attempt', async () => {
    expect(await attempt(answers(503, 50_000))).toMatchObject({ status: 'pending', nextAt: NOW + 50_000 });
    expect(await attempt(answers(503, 5000))).toMatchObject({ status: 'pending', nextAt: NOW + 20_000 });
  });

  it('ends the webhook when it was the last attempt', async () => {
    const schedule = { delaysMs: [1000], forMs: 3_600_000 };
    expect(await attempt(answers(500), { schedule })).toEqual({
      status: 'failed',
      attempt: expect.objectContaining({ status: 500 }),
    });
  });
});

describe('an attempt without an answer', () => {
  it.each([
    ['source_forbidden', 'failed'],
    ['invalid_request', 'failed'],
    ['source_timeout', 'pending'],
    ['source_unreachable', 'pending'],
  ] as const)('because of %s leaves the webhook %s', async (code, status) => {
    const given = await attempt(() => Promise.reject(new FacequeueError(code, 'why')));
    expect(given).toMatchObject({ status, attempt: { status: null, error: 'why' } });
  });

  it('because of an internal error is retried, and only the log says why', async () => {
    const log = createLogger('worker', 'silent');
    const logged = vi.spyOn(log, 'error');
    const fault = new TypeError('x is not a function');
    const given = await attempt(() => Promise.reject(fault), { log });
    expect(given).toMatchObject({ status: 'pending', attempt: { status: null, error: 'internal error' } });
    expect(logged.mock.calls).toEqual([[{ err: fault, job_id: 'j', request_id: 'r' }, expect.any(String)]]);
  });

  it('for lack of a secret posts nothing', async () => {
    const post = vi.fn(answers(200));
    const given = await attempt(post, { secrets: new Map([['other', [SECRET]]]) });
    expect(given).toMatchObject({
      status: 'pending',
      attempt: { status: null, error: expect.stringContaining('secret') },
    });
    expect(post).not.toHaveBeenCalled();
  });

  it('because it was aborted has no outcome', async () => {
    const stop = new AbortController();
    const reason = new Error('the worker is stopping');
    const aborted = attempt(
      async () => {
        stop.abort(reason);
        throw new FacequeueError('source_unreachable', 'the connection was closed');
      },
      {},
      stop.signal,
    );
    await expect(aborted).rejects.toBe(reason);
  });
});
