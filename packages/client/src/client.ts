import type { DetectionResult, JobResource, Readiness, SystemResource } from '@facequeue/schema';
import { FacequeueError, isFacequeueError } from '@facequeue/schema/errors';
import { type BatchCalls, createBatchCalls } from './batches/calls.ts';
import type { CallOptions } from './call-options.ts';
import { type CameraCalls, createCameraCalls } from './cameras/calls.ts';
import { type Detection, type DetectOptions, type Image, queryString, requestBody } from './detection.ts';
import { followJob, type JobEvent } from './follow.ts';
import { idempotencyHeader, newIdempotencyKey, preferJob, waitSeconds } from './submission.ts';
import { type Call, createTransport } from './transport.ts';
import { waitForEnd } from './wait.ts';

export interface ClientOptions {
  /** Where the service is, its `BASE_PATH` included: `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** Sent as `x-api-key`. */
  apiKey?: string;
  /** In place of the platform's. */
  fetch?: typeof fetch;
  /** Further tries after a failure that allows them; 2 when absent. */
  retries?: number;
}

export interface DetectCallOptions extends CallOptions {
  /** The same key with the same image and options gives the same job, so that the call may be made again. Printable ASCII. */
  idempotencyKey?: string;
}

export interface PollOptions extends CallOptions {
  /** How long the service may wait for the job's end before it answers: whole seconds, at most 60. */
  waitMs?: number;
}

export interface SubmitCallOptions extends DetectCallOptions, PollOptions {}

export interface WaitOptions extends CallOptions {
  /** When to give up; the job goes on. Without it, until the job has ended. */
  timeoutMs?: number;
}

/**
 * The HTTP API as functions. Each throws a FacequeueError: the service's own; `unavailable` when it cannot be reached;
 * `internal_error` when what answers is not Facequeue.
 */
export interface Client extends BatchCalls, CameraCalls {
  /**
   * Finds the faces of an image. Without an idempotency key it is tried again only when the service says that it did not
   * accept the work. A `wait_timeout` carries the `jobId` of the job that goes on: `wait` for it.
   */
  detect(image: Image, options?: DetectOptions, call?: DetectCallOptions): Promise<Detection>;
  /**
   * Hands in an image and gives its job. It may be tried again after any broken connection: each call has an idempotency key,
   * a new one unless one is named.
   */
  submit(image: Image, options?: DetectOptions, call?: SubmitCallOptions): Promise<JobResource>;
  /** A job as it is now, or as it is when it has ended within `waitMs`. */
  job(id: string, call?: PollOptions): Promise<JobResource>;
  /**
   * A job when it has ended, also when it failed: look at `status`. Gets over a service that is away for about a minute.
   * Throws `wait_timeout` after `timeoutMs`, `gone` when the job is erased meanwhile.
   */
  wait(id: string, call?: WaitOptions): Promise<JobResource>;
  /** What happens to a job, until its end: the last event has the job. Gets over breaks as `wait` does. */
  follow(id: string, call?: CallOptions): AsyncIterable<JobEvent>;
  /** Ends a job that has not ended. Throws `conflict` when it has, other than by being canceled. */
  cancel(id: string, call?: CallOptions): Promise<JobResource>;
  /** Cancels a job and erases its image and result at once. */
  erase(id: string, call?: CallOptions): Promise<void>;
  /** Version, device, models, workers and queues. */
  system(call?: CallOptions): Promise<SystemResource>;
  /** Resolves when the service can take work; throws `unavailable` at once, saying what is missing, when it cannot. */
  ready(call?: CallOptions): Promise<Readiness>;
}

export function createClient({ baseUrl, apiKey, retries = 2, fetch: given }: ClientOptions): Client {
  // Looked up at each call, so that a page or a test may replace it; called without `this`, as browsers demand.
  const send: typeof fetch = (input, init) => (given ?? fetch)(input, init);
  const transport = createTransport({ baseUrl, apiKey, retries, fetch: send });
  const { call, open } = transport;

  const read = async <T>(path: string, { signal }: CallOptions = {}, tries?: number) =>
    (await call<T>({ method: 'GET', path, repeatable: true, retries: tries, signal })).json;

  /** The job that a call with an image made, told from its own answer or asked for. */
  const jobOf = async (submission: Call): Promise<JobResource> => {
    let id: string | null;
    try {
      const { status, json, headers } = await call<JobResource>(submission);
      if (status === 202) return json;
      id = headers.get('x-job-id');
    } catch (error) {
      // A job that has failed by now answers with its error.
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
      return { ...json, jobId: headers.get('x-job-id') };
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
    job: (id, { waitMs, signal } = {}) =>
      read(`${jobPath(id)}${waitMs === undefined ? '' : `?wait=${waitSeconds(waitMs)}`}`, { signal }),
    wait: (id, { timeoutMs = Number.POSITIVE_INFINITY, signal } = {}) => {
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
    // Not being ready is an answer, not a failure to ask.
    ready: (options) => read('/readyz', options, 0),
  };
}

const jobPath = (id: string) => `/jobs/${encodeURIComponent(id)}`;
