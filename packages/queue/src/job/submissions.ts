import { FacequeueError } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import type { Transport } from '../bullmq/bull-queues.ts';
import type { NewJob, SubmitResult } from './job.ts';
import { type AdmissionReason, refusalText } from '../limits/admission.ts';
import { publicError } from '../redis/errors.ts';
import type { Scripts } from '../redis/scripts.ts';
import { INLINE } from './record.ts';

interface Context {
  redis: Redis;
  scripts: Scripts;
  transport: Transport;
  onError: (error: Error) => void;
}

/** Hands jobs in, wholly or not at all. */
export class Submissions {
  readonly #context: Context;
  readonly #limits: readonly number[];
  readonly #resultTtlMs: number;
  /** Submissions that failed while Redis was away: whatever of them got through is taken back as soon as it returns. */
  readonly #failed = new Set<string>();

  /** @param limits as scripts take them */
  constructor(context: Context, limits: readonly number[], resultTtlMs: number) {
    this.#context = context;
    this.#limits = limits;
    this.#resultTtlMs = resultTtlMs;
  }

  /** As GatewayQueue's. */
  submit(job: NewJob): Promise<SubmitResult> {
    return this.attempt(job.id, async () => {
      const submitted = await this.#admit(job);
      // Should the first caller have died before it got here, the sweep does it.
      if (!submitted.replayed) await this.#context.transport.add(job.id, job.queue);
      return submitted;
    });
  }

  /** Hands a job in by `work`; when that fails, other than by a Refusal, whatever of it got through is taken back. */
  async attempt<T>(id: string, work: () => Promise<T>): Promise<T> {
    const { redis, onError } = this.#context;
    // Not sent at all, so there is nothing to take back.
    if (redis.status !== 'ready') throw publicError(new Error('not connected'));
    try {
      return await work();
    } catch (error) {
      const failure = publicError(error);
      if (!(error instanceof Refusal)) {
        this.#failed.add(id);
        await this.takeBackFailed().catch(onError);
      }
      throw failure;
    }
  }

  async takeBackFailed(): Promise<void> {
    if (this.#context.redis.status !== 'ready') return;
    for (const id of this.#failed) {
      await this.#context.scripts('abort', id);
      this.#failed.delete(id);
    }
  }

  async #admit(job: NewJob): Promise<SubmitResult> {
    const reply = (await this.#context.scripts(
      'submit',
      job.id,
      job.queue,
      job.startWithinMs,
      job.waitMs ?? '',
      this.#resultTtlMs,
      ...this.#limits,
      job.source.kind === 'inline' ? INLINE : job.source.url,
      JSON.stringify(job.options),
      job.requestId,
      job.owner,
      job.idempotency?.key ?? '',
      job.idempotency?.fingerprint ?? '',
      job.webhookUrl ?? '',
      job.webhookUrl ? new URL(job.webhookUrl).host : '',
      job.source.kind === 'inline' ? job.source.bytes : '',
    )) as Reply;
    if (reply[0] === 'ok') return { id: job.id, createdAt: reply[1], expiresAt: reply[2], replayed: false };
    if (reply[0] === 'replayed') return { id: reply[1], createdAt: reply[2], expiresAt: reply[3], replayed: true };
    if (reply[0] === 'conflict')
      throw new Refusal('idempotency_conflict', 'The Idempotency-Key was used for another request.');
    if (reply[0] === 'full')
      throw new Refusal('queue_full', refusalText(reply[1]), { retryAfterMs: reply[2], reason: reply[1] });
    throw new Refusal('internal_error', 'A job of this id exists already.');
  }
}

/** What submit.lua returns. */
type Reply =
  | ['ok', number, number]
  | ['replayed', string, number, number]
  | ['conflict']
  | ['full', AdmissionReason, number]
  | ['exists'];

/** A submission that was answered, not lost: nothing of it is in Redis. */
export class Refusal extends FacequeueError {}
