import type { DetectionResult, JobResource, Readiness, SystemResource } from '@facequeue/schema';
import { FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
import { type BatchCalls, createBatchCalls } from './batches/calls.ts';
import type { CallOptions } from './call-options.ts';
import { type CameraCalls, createCameraCalls } from './cameras/calls.ts';
import { type Detection, type DetectOptions, type Image, queryString, requestBody } from './detection.ts';
import { followJob, type JobEvent } from './follow.ts';
import { checkNumber, idempotencyHeader, newIdempotencyKey, preferJob, waitSeconds } from './submission.ts';
import { type Call, createTransport } from './transport.ts';
import { waitForEnd } from './wait.ts';

export interface ClientOptions {
  /** URL of the service, including its `BASE_PATH`: `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** Sent as `x-api-key`. */
  apiKey?: string;
  /** Used instead of the platform's. */
  fetch?: typeof fetch;
  /** Further attempts after failures that allow them; 2 when absent, none for 0 or less. */
  retries?: number;
}

export interface DetectCallOptions extends CallOptions {
  /** Repeating a call with the same key, image and options returns the same job. Printable ASCII. */
  idempotencyKey?: string;
}

export interface PollOptions extends CallOptions {
  /** How long the service may wait for the job's end before it answers, ms; rounded up to whole seconds, at most 60 s. */
  waitMs?: number;
}

export interface SubmitCallOptions extends DetectCallOptions, PollOptions {}

export interface WaitOptions extends CallOptions {
  /** How long to wait, ms, of any length; the job continues after that. No limit when absent. */
  timeoutMs?: number;
}

/**
 * The HTTP API as functions. Each throws FacequeueErrors: those of the service, `unavailable` when it cannot be reached, and
 * `internal_error` when something else than Facequeue answers.
 */
export interface Client extends BatchCalls, CameraCalls {
  /**
   * Finds the faces of an image. Without an idempotency key it is retried only when the service says that it did not accept the
   * work. A `wait_timeout` has the `jobId` of the job, which continues: `wait` for it.
   */
  detect(image: Image, options?: DetectOptions, call?: DetectCallOptions): Promise<Detection>;
  /**
   * Submits an image and returns its job. It is retried after broken connections too: each call has an idempotency key, a new one
   * unless you name one.
   */
  submit(image: Image, options?: DetectOptions, call?: SubmitCallOptions): Promise<JobResource>;
  /** A job as it is now, or as soon as it has ended within `waitMs`. */
  job(id: string, call?: PollOptions): Promise<JobResource>;
  /**
   * A job when it has ended, also when it failed: check `status`. Survives outages of about a minute.
   * Throws `wait_timeout` after `timeoutMs`, and `gone` when the job is erased meanwhile.
   */
  wait(id: string, call?: WaitOptions): Promise<JobResource>;
  /** The changes of a job until its end; the last event has the job. Survives broken connections as `wait` does. */
  follow(id: string, call?: CallOptions): AsyncIterable<JobEvent>;
  /** Cancels a job. Throws `conflict` when it has ended in another way. */
  cancel(id: string, call?: CallOptions): Promise<JobResource>;
  /** Cancels a job and erases its image and result at once. */
  erase(id: string, call?: CallOptions): Promise<void>;
  /** Version, device, models, workers and queues. */
  system(call?: CallOptions): Promise<SystemResource>;
  /** Resolves when the service can accept work; otherwise throws `unavailable` at once; its message names the missing part. */
  ready(call?: CallOptions): Promise<Readiness>;
}

/**
 * @throws invalid_request when `retries` is not a number
 * @example
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8080' });
 * const { Faces } = await client.detect({ url: 'https://example.org/group.jpg' }, { max_faces: 5 });
 */
export function createClient({ baseUrl, apiKey, retries = 2, fetch: given }: ClientOptions): Client {
  checkNumber('retries', retries);
  // Looked up at each call, since a page or test may replace it; called without `this`, as browsers require.
  const send: typeof fetch = (input, init) => (given ?? fetch)(input, init);
  const transport = createTransport({ baseUrl, apiKey, retries, fetch: send });
  const { call, open } = transport;

  const read = async <T>(path: string, { signal }: CallOptions = {}, retries?: number) =>
    (await call<T>({ method: 'GET', path, repeatable: true, retries, signal })).json;

  /** The job of a submission: the body of its answer, or read by the id in its headers. */
  const jobOf = async (submission: Call): Promise<JobResource> => {
    let id: string | null;
    try {
      const { status, json, headers } = await call<JobResource>(submission);
      if (status === 202) return json;
      id = headers.get('x-job-id');
    } catch (error) {
      // The answer for a job that has failed already is its error.
      if (!isFacequeueError(error) || !error.jobId || error.code === 'idempotency_conflict') throw error;
      id = error.jobId;
    }
    if (!id) throw new FacequeueError('internal_error', 'the answer does not name its job: is X-Job-Id exposed?');
    return read(jobPath(id), { signal: submission.signal });
  };

  return {
    ...createBatchCalls(transport),
    ...createCameraCalls(transport),
    async detect(image, options = {}, { signal, idempotencyKey } = {}) {
      const { json, headers } = await call<DetectionResult>({
        method: 'POST',
        path: `/face_detection${queryString(options)}`,
        ...(idempotencyKey !== undefined && { headers: { 'idempotency-key': idempotencyHeader(idempotencyKey) } }),
        body: requestBody(image),
        repeatable: idempotencyKey !== undefined,
        signal,
      });
      const facesLeftOut = Number(headers.get('x-faces-left-out') ?? 0);
      return { ...json, jobId: headers.get('x-job-id'), facesLeftOut };
    },
    async submit(image, options = {}, { signal, waitMs, idempotencyKey = newIdempotencyKey() } = {}) {
      return jobOf({
        method: 'POST',
        path: `/face_detection${queryString(options)}`,
        headers: { prefer: preferJob(waitMs), 'idempotency-key': idempotencyHeader(idempotencyKey) },
        body: requestBody(image),
        repeatable: true,
        signal,
      });
    },
    job: async (id, { waitMs, signal } = {}) =>
      read(`${jobPath(id)}${waitMs === undefined ? '' : `?wait=${waitSeconds(waitMs)}`}`, { signal }),
    wait: async (id, { timeoutMs = Number.POSITIVE_INFINITY, signal } = {}) => {
      checkNumber('timeoutMs', timeoutMs);
      const path = (waitMs: number) => `${jobPath(id)}?wait=${waitSeconds(waitMs)}`;
      return waitForEnd(
        (waitMs, signal) =>
          call<JobResource>({ method: 'GET', path: path(waitMs), repeatable: true, retries: 0, signal }),
        id,
        timeoutMs,
        signal,
      );
    },
    follow: (id, { signal } = {}) => followJob(open, `${jobPath(id)}/events`, signal),
    cancel: async (id, { signal } = {}) =>
      (await call<JobResource>({ method: 'POST', path: `${jobPath(id)}/cancel`, repeatable: true, signal })).json,
    erase: async (id, { signal } = {}) => {
      await call({ method: 'DELETE', path: jobPath(id), repeatable: true, signal });
    },
    system: (options) => read('/system', options),
    // Not ready is an answer: it is not retried.
    ready: (options) => read('/readyz', options, 0),
  };
}

const jobPath = (id: string) => `/jobs/${encodeURIComponent(id)}`;
