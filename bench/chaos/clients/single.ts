/** Clients of single images. */
import { randomUUID } from 'node:crypto';
import { isFacequeueError, type JobResource, type JobStatus } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import type { Operation } from '../plan/operations.ts';
import { bytesOf, type Caller, retryCall, retryLongCall } from './caller.ts';

type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;

const POLL_EVERY_MS = 250;
const MUST_SUCCEED: readonly JobStatus[] = ['succeeded'];

/** Waits for the faces in the call; when that times out, for the job, which continues. */
export async function callForFaces(caller: Caller, { picture, key }: Of<'call'>): Promise<void> {
  const { client, expectations } = caller;
  const kind = key ? 'call with key' : 'call';
  const idempotencyKey = randomUUID();
  const unfinished = await retryCall(caller, kind, async (signal) => {
    try {
      const found = await client.detect(bytesOf(caller, picture), {}, { signal, ...(key && { idempotencyKey }) });
      const { jobId, facesLeftOut: _, ...result } = found;
      if (!jobId) throw new Error('an answer without a job id');
      expectations.accepted(jobId, kind, picture, MUST_SUCCEED);
      expectations.observed(jobId, 'call', { status: 'succeeded', result });
      return null;
    } catch (error) {
      if (!isFacequeueError(error) || !error.jobId) throw error;
      expectations.accepted(error.jobId, kind, picture, MUST_SUCCEED);
      if (error.code === 'wait_timeout') return error.jobId;
      // Redis became unreachable while the call waited.
      if (error.code === 'unavailable') return error.jobId;
      expectations.observed(error.jobId, 'call', { status: 'failed', error: error.code });
      return null;
    }
  });
  if (unfinished) expectations.observedJob('wait', await ended(caller, unfinished));
}

/** Submits a job, and observes its end by polling, waiting or following. */
export async function runJob(caller: Caller, { picture, learns, source, webhook }: Of<'job'>): Promise<void> {
  const { client, expectations } = caller;
  const { id } = await submit(caller, `job that ${learns}`, picture, MUST_SUCCEED, { source, webhook });
  if (learns === 'waits') return expectations.observedJob('wait', await ended(caller, id));
  if (learns === 'polls') {
    for (;;) {
      const job = await retryCall(caller, 'poll', (signal) => client.job(id, { signal }));
      if (job.finished_at !== null) return expectations.observedJob('poll', job);
      await sleep(POLL_EVERY_MS);
    }
  }
  await retryLongCall(caller, 'follow', async (signal) => {
    let attempts = 0;
    for await (const event of client.follow(id, { signal })) {
      if (event.type === 'job') return expectations.observedJob('follow', event.job);
      if (event.attempts < attempts)
        expectations.problem(`${id} went back to attempt ${event.attempts} from ${attempts}`);
      attempts = event.attempts;
    }
    expectations.problem(`the events of ${id} ended without its end`);
  });
}

/** Submits a job and cancels it. */
export async function cancelJob(caller: Caller, { picture, afterMs }: Of<'cancel'>): Promise<void> {
  const { client, expectations } = caller;
  const { id } = await submit(caller, 'canceled job', picture, ['canceled', 'succeeded']);
  await sleep(afterMs);
  try {
    const job = await retryCall(caller, 'cancel', (signal) => client.cancel(id, { signal }));
    expectations.observedJob('cancel', job);
    if (job.status !== 'canceled') expectations.problem(`${id} was canceled and is ${job.status}`);
  } catch (error) {
    // The job had ended before.
    if (!isFacequeueError(error) || error.code !== 'conflict') throw error;
  }
  expectations.observedJob('wait', await ended(caller, id));
}

/** Submits a job and erases it. */
export async function eraseJob(caller: Caller, operation: Of<'erase'>): Promise<void> {
  const { client, expectations } = caller;
  const { id } = await submit(caller, 'erased job', operation.picture, MUST_SUCCEED);
  if (operation.ended) expectations.observedJob('wait', await ended(caller, id));
  await retryCall(caller, 'erase', (signal) => client.erase(id, { signal }));
  expectations.erased(id);
  await expectErased(caller, id);
}

/** Waits for the end of a job. */
export function ended({ client, ...caller }: Caller, id: string): Promise<JobResource> {
  return retryLongCall({ client, ...caller }, 'wait', (signal) => client.wait(id, { signal }));
}

/** Checks that an erased job no longer exists. */
async function expectErased(caller: Caller, id: string): Promise<void> {
  try {
    const { status } = await retryCall(caller, 'read a job', (signal) => caller.client.job(id, { signal }));
    caller.expectations.problem(`${id} was erased and is ${status}`);
  } catch (error) {
    if (!isFacequeueError(error) || error.code !== 'gone') throw error;
  }
}

async function submit(
  caller: Caller,
  kind: string,
  picture: number,
  allowed: readonly JobStatus[],
  { source = 'bytes', webhook = false }: { source?: 'bytes' | 'url'; webhook?: boolean } = {},
): Promise<JobResource> {
  const { client, expectations, pictures } = caller;
  const image = source === 'url' ? { url: pictures[picture]!.url } : bytesOf(caller, picture);
  const options = webhook ? { webhook_url: caller.webhookUrl } : {};
  // One key for all tries, so that they make one job.
  const idempotencyKey = randomUUID();
  const job = await retryCall(caller, 'submit', (signal) => client.submit(image, options, { signal, idempotencyKey }));
  expectations.accepted(job.id, kind, picture, allowed);
  if (webhook) caller.expectWebhook(job.id);
  return job;
}
