/** Clients of single images. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFacequeueError, type JobResource, type JobStatus } from '@facequeue/client';
import type { Errand } from '../plan/errands.ts';
import { bytesOf, type Caller, persist, persistLong } from './caller.ts';

type Of<Kind extends Errand['kind']> = Extract<Errand, { kind: Kind }>;

const POLL_EVERY_MS = 250;
const RUN_TO_THE_END: readonly JobStatus[] = ['succeeded'];

/** Waits for the faces within the call; when that takes too long, for the job that goes on. */
export async function callForFaces(caller: Caller, { picture, key }: Of<'call'>): Promise<void> {
  const { client, ledger } = caller;
  const kind = key ? 'call with key' : 'call';
  const idempotencyKey = randomUUID();
  const unfinished = await persist(caller, kind, async (signal) => {
    try {
      const found = await client.detect(bytesOf(caller, picture), {}, { signal, ...(key && { idempotencyKey }) });
      const { jobId, ...result } = found;
      if (!jobId) throw new Error('an answer names no job');
      ledger.promised(jobId, kind, picture, RUN_TO_THE_END);
      ledger.saw(jobId, 'call', { status: 'succeeded', result });
      return null;
    } catch (error) {
      if (!isFacequeueError(error) || !error.jobId) throw error;
      ledger.promised(error.jobId, kind, picture, RUN_TO_THE_END);
      if (error.code === 'wait_timeout') return error.jobId;
      // Redis went away while it waited.
      if (error.code === 'unavailable') return error.jobId;
      ledger.saw(error.jobId, 'call', { status: 'failed', error: error.code });
      return null;
    }
  });
  if (unfinished) ledger.sawJob('wait', await ended(caller, unfinished));
}

/** Submits, and learns the end by polling, waiting or following. */
export async function runJob(caller: Caller, { picture, learns, source, webhook }: Of<'job'>): Promise<void> {
  const { client, ledger } = caller;
  const { id } = await submit(caller, `job that ${learns}`, picture, RUN_TO_THE_END, { source, webhook });
  if (learns === 'waits') return ledger.sawJob('wait', await ended(caller, id));
  if (learns === 'polls') {
    for (;;) {
      const job = await persist(caller, 'poll', (signal) => client.job(id, { signal }));
      if (job.finished_at !== null) return ledger.sawJob('poll', job);
      await sleep(POLL_EVERY_MS);
    }
  }
  await persistLong(caller, 'follow', async (signal) => {
    let attempts = 0;
    for await (const event of client.follow(id, { signal })) {
      if (event.type === 'job') return ledger.sawJob('follow', event.job);
      if (event.attempts < attempts) ledger.problem(`${id} went back to attempt ${event.attempts} from ${attempts}`);
      attempts = event.attempts;
    }
    ledger.problem(`the events of ${id} ended without its end`);
  });
}

/** Submits, and thinks better of it. */
export async function cancelJob(caller: Caller, { picture, afterMs }: Of<'cancel'>): Promise<void> {
  const { client, ledger } = caller;
  const { id } = await submit(caller, 'canceled job', picture, ['canceled', 'succeeded']);
  await sleep(afterMs);
  try {
    const job = await persist(caller, 'cancel', (signal) => client.cancel(id, { signal }));
    ledger.sawJob('cancel', job);
    if (job.status !== 'canceled') ledger.problem(`${id} was canceled and is ${job.status}`);
  } catch (error) {
    // It had ended before.
    if (!isFacequeueError(error) || error.code !== 'conflict') throw error;
  }
  ledger.sawJob('wait', await ended(caller, id));
}

/** Submits, and wants nothing of it to be kept. */
export async function eraseJob(caller: Caller, errand: Of<'erase'>): Promise<void> {
  const { client, ledger } = caller;
  const { id } = await submit(caller, 'erased job', errand.picture, RUN_TO_THE_END);
  if (errand.ended) ledger.sawJob('wait', await ended(caller, id));
  await persist(caller, 'erase', (signal) => client.erase(id, { signal }));
  ledger.erased(id);
  await expectGone(caller, id);
}

/** The job, once it has ended. */
export function ended({ client, ...caller }: Caller, id: string): Promise<JobResource> {
  return persistLong({ client, ...caller }, 'wait', (signal) => client.wait(id, { signal }));
}

/** An erased job is never seen again. */
export async function expectGone(caller: Caller, id: string): Promise<void> {
  try {
    const { status } = await persist(caller, 'look', (signal) => caller.client.job(id, { signal }));
    caller.ledger.problem(`${id} was erased and is ${status}`);
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'gone') throw error;
  }
}

async function submit(
  caller: Caller,
  kind: string,
  picture: number,
  may: readonly JobStatus[],
  { source = 'bytes', webhook = false }: { source?: 'bytes' | 'url'; webhook?: boolean } = {},
): Promise<JobResource> {
  const { client, ledger, pictures } = caller;
  const image = source === 'url' ? { url: pictures[picture]!.url } : bytesOf(caller, picture);
  const options = webhook ? { webhook_url: caller.hook } : {};
  // One key for all tries: whatever broke, it is one job.
  const idempotencyKey = randomUUID();
  const job = await persist(caller, 'submit', (signal) => client.submit(image, options, { signal, idempotencyKey }));
  ledger.promised(job.id, kind, picture, may);
  if (webhook) caller.expectHook(job.id);
  return job;
}
