import type { AllowEntry } from './address/allow-list.ts';
import { createGuard } from './address/guard.ts';
import { Budget } from './budget.ts';
import type { Resolve } from './http/connector.ts';
import type { PostAnswer } from './http/http-poster.ts';
import { once } from './once.ts';
import { parseWebhookUrl } from './webhook-url.ts';

/** Sends messages to URLs that strangers name, under the same guard of addresses as images are fetched. */
export interface GuardedPoster extends AsyncDisposable {
  /**
   * One request on a connection of its own, so that nothing is sent twice because a kept connection was found dead.
   * @param url http or https
   * @param signal ends it and its connection; the promise then rejects with the signal's reason
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout; their texts are public
   */
  post(url: string, headers: Record<string, string>, body: string, signal?: AbortSignal): Promise<PostAnswer>;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

export interface PosterOptions {
  /** Milliseconds to look up a name and connect, TLS included. */
  connectMs: number;
  /** Milliseconds until the headers of the answer are there, connecting included. */
  totalMs: number;
  /** Destinations admitted although they are not public. */
  allow: readonly AllowEntry[];
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  /** Resolver of names; the system's when absent. */
  resolve?: Resolve | undefined;
}

export function createGuardedPoster({ connectMs, totalMs, allow, ca, resolve }: PosterOptions): GuardedPoster {
  const http = once(async () => {
    const { createHttpPoster } = await import('./http/http-poster.ts');
    return createHttpPoster({ guard: createGuard(allow), connectMs, ca, resolve });
  });
  const close = async () => (await http.made)?.close();
  return {
    async post(text, headers, body, signal) {
      const url = parseWebhookUrl(text);
      signal?.throwIfAborted();
      using budget = new Budget(totalMs, signal, 'The receiver did not answer');
      return await (await http()).post(url, headers, body, budget);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
