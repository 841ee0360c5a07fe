import { Deadline, lazy } from '@facequeue/time';
import type { AllowEntry } from './address/allow-list.ts';
import { createGuard } from './address/guard.ts';
import { missedDeadline } from './errors.ts';
import type { Resolve } from './http/connector.ts';
import type { PostAnswer } from './http/http-poster.ts';
import { nameLookup } from './names/name-lookup.ts';
import { parseWebhookUrl } from './webhook-url.ts';

/** Posts messages to URLs that callers name, under the same address guard as image fetches. */
export interface GuardedPoster extends AsyncDisposable {
  /**
   * Sends one request on its own connection: a dead kept-alive connection can never cause it to be sent twice.
   * @param url http or https
   * @param signal aborts the request and its connection; the promise then rejects with the signal's reason
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout; their texts are public
   */
  post(url: string, headers: Record<string, string>, body: string, signal?: AbortSignal): Promise<PostAnswer>;
  /** Closes all connections; requests in progress fail. */
  close(): Promise<void>;
}

export interface PosterOptions {
  /** Milliseconds to look up a name and connect, TLS included. */
  connectMs: number;
  /** Milliseconds until the headers of the answer arrive, connecting included. */
  totalMs: number;
  /** Admitted destinations that are not public. */
  allow: readonly AllowEntry[];
  /** The only destinations there are; none: no such restriction. */
  only?: readonly AllowEntry[];
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  /** Looks up names; a `NameLookup` when absent. */
  resolve?: Resolve | undefined;
}

/**
 * @example
 * await using poster = createGuardedPoster({ connectMs: 3000, totalMs: 10_000, allow: [] });
 * const { status } = await poster.post('https://example.com/hook', { 'content-type': 'application/json' }, '{}');
 */
export function createGuardedPoster({
  connectMs,
  totalMs,
  allow,
  only = [],
  ca,
  resolve,
}: PosterOptions): GuardedPoster {
  const http = lazy(async () => {
    const { createHttpPoster } = await import('./http/http-poster.ts');
    return createHttpPoster({
      guard: createGuard({ allow, only }),
      connectMs,
      ca,
      resolve: resolve ?? nameLookup(connectMs),
    });
  });
  const close = async () => (await http.loaded)?.close();
  return {
    async post(text, headers, body, signal) {
      const url = parseWebhookUrl(text);
      signal?.throwIfAborted();
      using deadline = new Deadline({
        ms: totalMs,
        onTimeout: () => missedDeadline(totalMs, 'the receiver did not answer'),
        parent: signal,
      });
      return await (await http()).post(url, headers, body, deadline);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
