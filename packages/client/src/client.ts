import type { DetectionResult, JobResource, Readiness, SystemResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import {
  type Detection,
  type DetectOptions,
  type Image,
  queryString,
  type RequestBody,
  requestBody,
} from './detection.ts';
import { readRefusal } from './failure.ts';
import { type Failure, mayRetry, pause, pauseBeforeRetry } from './retry.ts';

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

export interface CallOptions {
  /** Ends the call, its connection and its pauses; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * The HTTP API as functions. Each throws a FacequeueError: the service's own; `unavailable` when it cannot be reached;
 * `internal_error` when what answers is not Facequeue.
 */
export interface Client {
  /**
   * Finds the faces of an image. Tried again only when the service says that it did not accept the work.
   * A `wait_timeout` carries the `jobId` of the job that goes on: ask for it with `job`.
   */
  detect(image: Image, options?: DetectOptions, call?: CallOptions): Promise<Detection>;
  /** A job as it is now. */
  job(id: string, call?: CallOptions): Promise<JobResource>;
  /** Version, device, models, workers and queues. */
  system(call?: CallOptions): Promise<SystemResource>;
  /** Resolves when the service can take work; throws `unavailable` at once, saying what is missing, when it cannot. */
  ready(call?: CallOptions): Promise<Readiness>;
}

interface Call {
  method: 'GET' | 'POST';
  path: string;
  body?: RequestBody;
  retries: number;
  signal: AbortSignal | undefined;
}

export function createClient({ baseUrl, apiKey, retries = 2, fetch: given }: ClientOptions): Client {
  const base = baseUrl.replace(/\/+$/, '');
  // Looked up at each call, so that a page or a test may replace it; called without `this`, as browsers demand.
  const send: typeof fetch = (input, init) => (given ?? fetch)(input, init);

  const attempt = async <T>({ method, path, body, signal }: Call): Promise<{ json: T; headers: Headers } | Failure> => {
    let response: Response;
    let text: string;
    try {
      response = await send(base + path, {
        method,
        headers: { ...(apiKey !== undefined && { 'x-api-key': apiKey }), ...(body && { 'content-type': body.type }) },
        // Followed, a redirect would turn POST into GET and could carry the key elsewhere.
        redirect: 'manual',
        ...(body && { body: body.body }),
        ...(signal && { signal }),
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      return { error: new FacequeueError('unavailable', 'the service cannot be reached', { cause }), certain: false };
    }
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      const detail = `baseUrl leads to a redirect${locationOf(response)}; use what it leads to`;
      throw new FacequeueError('invalid_request', detail);
    }
    if (!response.ok) return readRefusal(response.status, response.headers, text, Date.now());
    return { json: parsed<T>(text), headers: response.headers };
  };

  const call = async <T>(of: Call): Promise<{ json: T; headers: Headers }> => {
    for (let tries = 1; ; tries++) {
      const outcome = await attempt<T>(of);
      if ('json' in outcome) return outcome;
      const wait = pauseBeforeRetry(tries, outcome.error.retryAfterMs, Math.random());
      if (tries > of.retries || wait === null || !mayRetry(of.method, outcome)) throw outcome.error;
      await pause(wait, of.signal);
    }
  };

  const read = async <T>(path: string, { signal }: CallOptions = {}, tries = retries) =>
    (await call<T>({ method: 'GET', path, retries: tries, signal })).json;

  return {
    async detect(image, options = {}, { signal } = {}) {
      const path = `/face_detection${queryString(options)}`;
      const { json, headers } = await call<DetectionResult>({
        method: 'POST',
        path,
        body: requestBody(image),
        retries,
        signal,
      });
      return { ...json, jobId: headers.get('x-job-id') };
    },
    job: (id, options) => read(`/jobs/${encodeURIComponent(id)}`, options),
    system: (options) => read('/system', options),
    // Not being ready is an answer, not a failure to ask.
    ready: (options) => read('/readyz', options, 0),
  };
}

function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FacequeueError('internal_error', 'the answer is not JSON: is this Facequeue?', { cause });
  }
}

function locationOf(response: Response): string {
  const location = response.headers.get('location');
  return location === null ? '' : ` to ${location}`;
}
