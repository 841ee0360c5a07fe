import { FacequeueError } from '@facequeue/schema/errors';
import type { RequestBody } from './detection.ts';
import { readRefusal } from './failure.ts';
import { type Failure, mayRetry, pause, pauseBeforeRetry } from './retry.ts';

/** One call of the API. */
export interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  /** With its query string. */
  path: string;
  headers?: Record<string, string>;
  body?: RequestBody;
  /** Whether asking twice does what asking once does. */
  repeatable: boolean;
  /** Further tries after failures that allow them; the client's own number when absent. */
  retries?: number;
  signal: AbortSignal | undefined;
}

/** An answer that says yes. */
export interface Answer<T> {
  status: number;
  /** Undefined when the answer has no body. */
  json: T;
  headers: Headers;
}

/** Requests to one service, as the one who asks is known there. All throw FacequeueErrors, or the signal's reason. */
export interface Transport {
  call<T>(call: Call): Promise<Answer<T>>;
  /** One try of a GET, whose body is still to be read. */
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

  const send = async ({ method, path, headers, body, signal }: Call): Promise<Response | Failure> => {
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers: {
          ...(apiKey !== undefined && { 'x-api-key': apiKey }),
          ...(body && { 'content-type': body.type }),
          ...headers,
        },
        // Followed, a redirect would turn POST into GET and could carry the key elsewhere.
        redirect: 'manual',
        ...(body && { body: body.body }),
        ...(signal && { signal }),
      });
    } catch (cause) {
      return brokenConnection(cause, signal);
    }
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      const detail = `baseUrl leads to a redirect${locationOf(response)}; use what it leads to`;
      throw new FacequeueError('invalid_request', detail);
    }
    if (response.ok) return response;
    const text = await textOf(response, signal);
    return typeof text === 'string' ? readRefusal(response.status, response.headers, text, Date.now()) : text;
  };

  const attempt = async <T>(call: Call): Promise<Answer<T> | Failure> => {
    const response = await send(call);
    if ('error' in response) return response;
    const text = await textOf(response, call.signal);
    if (typeof text !== 'string') return text;
    return { status: response.status, json: parsed<T>(response.status, text), headers: response.headers };
  };

  return {
    async call<T>(call: Call) {
      for (let tries = 1; ; tries++) {
        const outcome = await attempt<T>(call);
        if ('json' in outcome) return outcome;
        const wait = pauseBeforeRetry(tries, outcome.error.retryAfterMs, Math.random());
        const enough = tries > (call.retries ?? ownRetries);
        if (enough || wait === null || !mayRetry(call.repeatable, outcome)) throw outcome.error;
        await pause(wait, call.signal);
      }
    },
    async open(path, headers, signal) {
      const response = await send({ method: 'GET', path, headers, repeatable: true, signal });
      if ('error' in response) throw response.error;
      return response;
    },
  };
}

async function textOf(response: Response, signal: AbortSignal | undefined): Promise<string | Failure> {
  try {
    return await response.text();
  } catch (cause) {
    return brokenConnection(cause, signal);
  }
}

/** @throws the signal's reason when that is why */
function brokenConnection(cause: unknown, signal: AbortSignal | undefined): Failure {
  signal?.throwIfAborted();
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
