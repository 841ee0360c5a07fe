import { FacequeueError, isFacequeueError } from '@facequeue/schema';
import { type AdmissionLimits, admissionError, type FullReply, limitsArg } from '../limits/admission.ts';
import type { Connections } from '../redis/connections.ts';
import { bytes, defineScript, isOne, number, optional, text } from '../redis/define-script.ts';
import { publicError } from '../redis/errors.ts';
import type { NewJob, SubmitResult } from './job.ts';
import { optionsArg } from './options-arg.ts';
import { flowField, INLINE } from './record.ts';

const NO_BYTES = new Uint8Array();

export const submitScript = defineScript({
  file: new URL('./submit.lua', import.meta.url),
  args: {
    id: text,
    queue: text,
    startTimeoutMs: number,
    waitMs: optional(number),
    resultTtlMs: number,
    limits: limitsArg,
    source: text,
    options: optionsArg,
    requestId: text,
    owner: text,
    flow: optional(text),
    maxPending: optional(number),
    idempotencyKey: optional(text),
    fingerprint: optional(text),
    webhookUrl: optional(text),
    webhookHost: optional(text),
    maxImageBytes: optional(number),
    blob: bytes,
  },
  reply: (
    reply:
      | ['ok', createdAt: number, expiresAt: number, deliveryId: string]
      | ['replayed', id: string, createdAt: number, expiresAt: number]
      | ['conflict']
      | FullReply
      | ['exists'],
  ) => reply,
});

/** True when nothing of the submission remains. */
export const abortScript = defineScript({
  file: new URL('./abort.lua', import.meta.url),
  args: { id: text },
  reply: isOne,
});

/** Submits jobs and frames atomically. */
export class Submissions {
  readonly #connections: Connections;
  readonly #limits: AdmissionLimits;
  readonly #resultTtlMs: number;
  /** Submissions that failed while Redis was unreachable. Whatever of them got through is aborted as soon as it returns. */
  readonly #failed = new Set<string>();

  constructor(connections: Connections, limits: AdmissionLimits, resultTtlMs: number) {
    this.#connections = connections;
    this.#limits = limits;
    this.#resultTtlMs = resultTtlMs;
  }

  /** As GatewayQueue's. */
  submit(job: NewJob): Promise<SubmitResult> {
    return this.attempt(job.id, async () => {
      const { deliveryId, ...result } = await this.#admit(job);
      // If the first caller died before it got here, the sweep adds the job.
      if (deliveryId !== null) await this.#connections.bullQueues.add(deliveryId, job.queue);
      return result;
    });
  }

  /** Runs a submission. If it fails without an answer, whatever of it got through is aborted. */
  async attempt<T>(id: string, submission: () => Promise<T>): Promise<T> {
    const { redis, onError } = this.#connections;
    // Nothing was sent, so there is nothing to abort.
    if (redis.status !== 'ready') throw publicError(new Error('not connected'));
    try {
      return await submission();
    } catch (error) {
      // A script that refuses has written nothing.
      if (isFacequeueError(error)) throw error;
      this.#failed.add(id);
      await this.abortFailed().catch(onError);
      throw publicError(error);
    }
  }

  async abortFailed(): Promise<void> {
    const { redis, scripts } = this.#connections;
    if (redis.status !== 'ready') return;
    for (const id of this.#failed) {
      await scripts.run(abortScript, { id });
      this.#failed.delete(id);
    }
  }

  /** `deliveryId` is what BullMQ is to know the job by; null for a job that was submitted before. */
  async #admit({
    id,
    queue,
    source,
    options,
    requestId,
    owner,
    flow,
    ...job
  }: NewJob): Promise<SubmitResult & { deliveryId: string | null }> {
    const reply = await this.#connections.scripts.run(submitScript, {
      id,
      queue,
      options,
      requestId,
      owner,
      flow: flowField(flow, owner),
      maxPending: job.maxPending,
      startTimeoutMs: job.startTimeoutMs,
      waitMs: job.waitMs,
      resultTtlMs: this.#resultTtlMs,
      limits: this.#limits,
      source: source.kind === 'inline' ? INLINE : source.url,
      idempotencyKey: job.idempotency?.key,
      fingerprint: job.idempotency?.fingerprint,
      webhookUrl: job.webhookUrl,
      webhookHost: job.webhookUrl && new URL(job.webhookUrl).host,
      maxImageBytes: job.maxImageBytes,
      blob: source.kind === 'inline' ? source.bytes : NO_BYTES,
    });
    switch (reply[0]) {
      case 'ok':
        return { id, createdAt: reply[1], expiresAt: reply[2], replayed: false, deliveryId: reply[3] };
      case 'replayed':
        return { id: reply[1], createdAt: reply[2], expiresAt: reply[3], replayed: true, deliveryId: null };
      case 'conflict':
        throw new FacequeueError('idempotency_conflict', 'the Idempotency-Key was used for another request');
      case 'full':
        throw admissionError(reply);
      case 'exists':
        throw idExists();
    }
  }
}

/** Ids are random: a caller that reuses one is at fault. */
export const idExists = () => new FacequeueError('internal_error', 'a job of this id exists already');
