import { randomUUID } from 'node:crypto';
import { type ImageFacts, optionsFrom, type QueueName, type Timings } from '@facequeue/schema';
import type { Connections } from '../redis/connections.ts';
import { bytes, defineScript, flag, isOne, json, number, optional, text } from '../redis/define-script.ts';
import type { ActiveJobs } from './active-jobs.ts';
import type { ClaimedJob, Outcome } from './job.ts';
import { sourceFrom } from './record.ts';

const NO_BYTES = new Uint8Array();

type JobReply = [
  id: string,
  attempt: number,
  queue: QueueName,
  source: string,
  options: string,
  requestId: string,
  createdAt: number,
  owner: string,
  flow: string,
  maxImageBytes: string | null,
  moreOptions: string | null,
];

/** A claim: the job, if it was granted, and lane tokens to add to a queue of BullMQ. */
export interface Claim {
  job: ClaimedJob | null;
  queue: QueueName;
  tokens: string[];
}

export const claimScript = defineScript({
  file: new URL('./claim.lua', import.meta.url),
  args: { deliveryId: text, claim: text, maxAttempts: number },
  reply: ([job, queue, ...tokens]: [JobReply | null, QueueName, ...string[]]): Claim => ({
    job: job && claimedFrom(job),
    queue,
    tokens,
  }),
});

function claimedFrom([
  id,
  attempt,
  queue,
  source,
  options,
  requestId,
  createdAt,
  owner,
  flow,
  maxImageBytes,
  moreOptions,
]: JobReply): ClaimedJob {
  return {
    id,
    attempt,
    queue,
    source: sourceFrom(source),
    options: optionsFrom(options, moreOptions),
    requestId,
    createdAt,
    owner,
    flow,
    maxImageBytes: maxImageBytes === null ? null : Number(maxImageBytes),
  };
}

export const startScript = defineScript({
  file: new URL('./start.lua', import.meta.url),
  args: { id: text, attempt: number },
  reply: isOne,
});

export const finishScript = defineScript({
  file: new URL('./finish.lua', import.meta.url),
  args: {
    id: text,
    attempt: number,
    status: text,
    errorCode: text,
    errorDetail: text,
    image: optional(json<ImageFacts>()),
    timings: json<Timings>(),
    result: bytes,
    details: optional(bytes),
  },
  reply: isOne,
});

export const releaseScript = defineScript({
  file: new URL('./release.lua', import.meta.url),
  args: { id: text, attempt: number, delayMs: number, forgiven: flag },
  reply: isOne,
});

/** Claims of one worker process, and what becomes of them. */
export class Claims {
  readonly #connections: Connections;
  readonly #activeJobs: ActiveJobs;
  readonly #maxAttempts: number;
  /** Claims are named uniquely over all processes, so that a repeated call is recognized. */
  readonly #process = randomUUID();
  #count = 0;

  constructor(connections: Connections, activeJobs: ActiveJobs, maxAttempts: number) {
    this.#connections = connections;
    this.#activeJobs = activeJobs;
    this.#maxAttempts = maxAttempts;
  }

  async claim(deliveryId: string, workerId: string): Promise<ClaimedJob | null> {
    const { scripts, bullQueues } = this.#connections;
    const claim = `${workerId}:${this.#process}:${this.#count++}`;
    const { job, queue, tokens } = await scripts.run(claimScript, {
      deliveryId,
      claim,
      maxAttempts: this.#maxAttempts,
    });
    if (job) this.#activeJobs.claimed(deliveryId, job);
    // The sweep finds tokens that do not get there.
    await bullQueues.addAll(tokens, queue);
    return job;
  }

  start(id: string, attempt: number): Promise<boolean> {
    return this.#connections.scripts.run(startScript, { id, attempt });
  }

  finish(id: string, attempt: number, outcome: Outcome): Promise<boolean> {
    const error = outcome.status === 'failed' ? outcome.error : null;
    return this.#connections.scripts.run(finishScript, {
      id,
      attempt,
      status: outcome.status,
      errorCode: error?.code ?? '',
      errorDetail: error?.detail ?? '',
      image: outcome.image,
      timings: outcome.timings ?? {},
      result: outcome.status === 'succeeded' ? outcome.result : NO_BYTES,
      details: outcome.status === 'succeeded' ? outcome.details : null,
    });
  }

  async release(id: string, attempt: number, delayMs: number, forgiven: boolean): Promise<boolean> {
    const released = await this.#connections.scripts.run(releaseScript, { id, attempt, delayMs, forgiven });
    if (released) this.#activeJobs.released(id, attempt, delayMs);
    return released;
  }
}
