/** A thread of its own with connections that call without a pause: whoever measures beside them does not share their event loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createClient } from '@facequeue/client';

export interface FloodOptions {
  baseUrl: string;
  apiKey: string;
  bytes: Uint8Array;
  connections: number;
}

/** What the thread posts when it is told to end. */
export interface FloodCounts {
  succeeded: number;
  refused: number;
}

/** Before a refused connection calls again, ms. */
const PAUSE_MS = 100;

const { baseUrl, apiKey, bytes, connections } = workerData as FloodOptions;
const client = createClient({ baseUrl, apiKey, retries: 0 });
const counts: FloodCounts = { succeeded: 0, refused: 0 };
let running = true;
parentPort!.once('message', () => {
  running = false;
});

async function callWithoutPause(): Promise<void> {
  while (running) {
    const succeeded = await client.detect({ bytes }).then(
      () => true,
      () => false,
    );
    counts[succeeded ? 'succeeded' : 'refused'] += 1;
    if (!succeeded) await sleep(PAUSE_MS);
  }
}
await Promise.all(Array.from({ length: connections }, callWithoutPause));
parentPort!.postMessage(counts);
