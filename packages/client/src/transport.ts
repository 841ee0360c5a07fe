import { FacequeueError } from '@facequeue/schema/errors';
import { linkedAbort, retry } from '@facequeue/time';
import type { RequestBody } from './detection.ts';
import { readRefusal } from './failure.ts';
import { type Failure, mayRetry, retryDelay } from './retry.ts';

/** One request. */
interface Request {
  method: 'GET' | 'POST' | 'DELETE';
  /** With its query string. */
  path: string;
  headers?: Record<string, string>;
  body?: RequestBody;
  signal: AbortSignal | undefined;
}

/** One call of the API. */
export interface Call extends Request {
  /** Whether the call is idempotent. */
  repeatable: boolean;
  /** Further attempts after failures that allow them; the client's own number when absent. */
  retries?: number;
}

/** A successful answer. */
export interface Answer<T> {
  status: number;
  /** Undefined when the answer has no body. */
  json: T;
  headers: Headers;
}

/** Sends requests to one service, with one API key. Its methods throw FacequeueErrors, and `call` the signal's reason. */
export interface Transport {
  call<T>(call: Call): Promise<Answer<T>>;
  /** Sends a GET, without retries. The caller reads the body, and looks whether its signal has aborted when this throws. */
  open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response>;
}

export interface TransportOptions {
  baseUrl: string;
  apiKey: string | undefined;
  retries: number;
  fetch: typeof fetch;
}

export function createTransport({ baseUrl, apiKey, retries: ownRetries, fetch }: TransportOptions): Transport {
  const base = baseUrl.replace(/\/+$/, '');

  const send = async ({ method, path, headers, body, signal }: Request): Promise<Response | Failure> => {
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers: {
          ...(apiKey !== undefined && { 'x-api-key': apiKey }),
          ...(body && { 'content-type': body.type }),
          ...headers,
        },
        // Following a redirect would turn a POST into a GET and could send the key elsewhere.
        redirect: 'manual',
        ...(body && { body: body.body }),
        ...(signal && { signal }),
      });
    } catch (cause) {
      return brokenConnection(cause);
    }
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      const detail = `baseUrl redirects${locationOf(response)}; use the target of the redirect`;
      throw new FacequeueError('invalid_request', detail);
    }
    if (response.ok) return response;
    const text = await textOf(response);
    return typeof text === 'string' ? readRefusal(response.status, response.headers, text, Date.now()) : text;
  };

  const attempt = async <T>(call: Call): Promise<Answer<T> | Failure> => {
    const response = await send(call);
    if ('error' in response) return response;
    const text = await textOf(response);
    if (typeof text !== 'string') return text;
    return { status: response.status, json: parsed<T>(response.status, text), headers: response.headers };
  };

  return {
    async call<T>(call: Call) {
      let failure: Failure | undefined;
      const attemptOrThrow = async () => {
        // `fetch` leaves a listener on its signal until garbage is collected, and a caller's signal may outlive a million calls.
        const linked = linkedAbort(call.signal);
        try {
          const outcome = await attempt<T>({ ...call, signal: linked.signal });
          if ('json' in outcome) return outcome;
          failure = outcome;
          throw outcome.error;
        } finally {
          linked.dispose();
        }
      };
      return retry(attemptOrThrow, {
        retryable: (error, failures) =>
          failures <= (call.retries ?? ownRetries) && error === failure?.error && mayRetry(call.repeatable, failure!),
        delayMs: (failures) => retryDelay(failures, failure!.error.retryAfterMs),
        signal: call.signal,
      });
    },
    async open(path, headers, signal) {
      const response = await send({ method: 'GET', path, headers, signal });
      if ('error' in response) throw response.error;
      return response;
    },
  };
}

async function textOf(response: Response): Promise<string | Failure> {
  try {
    return await response.text();
  } catch (cause) {
    return brokenConnection(cause);
  }
}

/** What a request that was aborted fails with, too: whoever repeats requests throws the signal's reason. */
function brokenConnection(cause: unknown): Failure {
  return { error: new FacequeueError('unavailable', 'the service cannot be reached', { cause }), certain: false };
}

function parsed<T>(status: number, text: string): T {
  if (status === 204) return undefined as T;
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
