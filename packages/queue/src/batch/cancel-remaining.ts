import type { Scripts } from '../redis/scripts.ts';

/** Items ended by one call: it holds Redis for about 10 ms. */
export const DRAIN_CHUNK = 1000;

/** Ends what waits of a stopped batch, a chunk at a time. Should this process die on the way, the sweep of another goes on. */
export async function drain(scripts: Scripts, id: string): Promise<void> {
  while ((await scripts('drain-batch', id, DRAIN_CHUNK)) === 1);
}
