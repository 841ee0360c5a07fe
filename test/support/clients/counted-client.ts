import { type Client, createClient } from '@facequeue/client';

/** Counts of a client's requests. */
export interface RequestCounts {
  /** Requests sent, and those that broke or got a 429 or 5xx, which the client retries where that is safe. */
  requests: number;
  failedRequests: number;
}

/** A client whose requests are counted. */
export function countedClient(options: { baseUrl: string; retries?: number }, counts: RequestCounts): Client {
  return createClient({
    ...options,
    fetch: async (input, init) => {
      counts.requests += 1;
      try {
        const response = await fetch(input, init);
        if (response.status === 429 || response.status >= 500) counts.failedRequests += 1;
        return response;
      } catch (error) {
        counts.failedRequests += 1;
        throw error;
      }
    },
  });
}
