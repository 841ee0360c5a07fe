import { type Client, createClient } from '@facequeue/client';

/** What the requests of a client have come to. */
export interface RequestCounts {
  /** Requests that were sent, and those that broke or were answered with a 429 or 5xx: the client makes them again where that is safe. */
  requests: number;
  failedRequests: number;
}

/** A client whose requests are counted. */
export function countedClient(options: { baseUrl: string; retries?: number }, tally: RequestCounts): Client {
  return createClient({
    ...options,
    fetch: async (input, init) => {
      tally.requests += 1;
      try {
        const response = await fetch(input, init);
        if (response.status === 429 || response.status >= 500) tally.failedRequests += 1;
        return response;
      } catch (error) {
        tally.failedRequests += 1;
        throw error;
      }
    },
  });
}
