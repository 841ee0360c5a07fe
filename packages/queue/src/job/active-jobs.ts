import type { QueueName } from '@facequeue/schema';
import type { ClaimedJob } from './job.ts';

/** Why an active job must be abandoned: the reason of its signal. */
export class JobAborted extends Error {
  override readonly name = 'JobAborted';
  /** canceled: it has ended; lock_lost: another worker has it, or may have it. */
  readonly reason: 'canceled' | 'lock_lost';

  constructor(reason: JobAborted['reason']) {
    super(reason === 'canceled' ? 'the job was canceled' : 'the job was delivered again');
    this.reason = reason;
  }
}

/** A job that this process runs: BullMQ has delivered it and its handler has not returned. */
export class ActiveJob {
  readonly deliveryId: string;
  readonly queue: QueueName;
  readonly #controller = new AbortController();
  /** The job's id, once claimed. Before that the delivery id, which is the job's id unless it is a lane token. */
  jobId: string;
  /** The claim's attempt number, once claimed. */
  attempt: number | null = null;
  /** Milliseconds after which BullMQ must deliver it again; null when it need not. */
  redeliverAfterMs: number | null = null;

  constructor(deliveryId: string, queue: QueueName) {
    this.deliveryId = deliveryId;
    this.queue = queue;
    this.jobId = deliveryId;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the handler: its outcome is no longer wanted. */
  abort(reason: JobAborted['reason']): void {
    this.#controller.abort(new JobAborted(reason));
  }
}

/** The jobs a worker process runs now, by delivery and by job. */
export class ActiveJobs {
  readonly #byDelivery = new Map<string, ActiveJob>();
  readonly #byJob = new Map<string, ActiveJob>();

  /** A job that is delivered again while its older handler still runs belongs to the newer one: the older one is aborted. */
  add(deliveryId: string, queue: QueueName): ActiveJob {
    this.#byDelivery.get(deliveryId)?.abort('lock_lost');
    const active = new ActiveJob(deliveryId, queue);
    this.#byDelivery.set(deliveryId, active);
    this.#byJob.set(active.jobId, active);
    return active;
  }

  /** A delivery was claimed: its job is known now. Deliveries of other processes are ignored. */
  claimed(deliveryId: string, { id, attempt }: Pick<ClaimedJob, 'id' | 'attempt'>): void {
    const active = this.#byDelivery.get(deliveryId);
    if (!active) return;
    this.#removeJob(active);
    active.jobId = id;
    active.attempt = attempt;
    this.#byJob.set(id, active);
  }

  /** The claim was released: BullMQ must deliver the job again. */
  released(id: string, attempt: number, delayMs: number): void {
    const active = this.ofJob(id);
    if (active?.attempt === attempt) active.redeliverAfterMs = delayMs;
  }

  remove(active: ActiveJob): void {
    if (this.#byDelivery.get(active.deliveryId) === active) this.#byDelivery.delete(active.deliveryId);
    this.#removeJob(active);
  }

  get(deliveryId: string): ActiveJob | undefined {
    return this.#byDelivery.get(deliveryId);
  }

  ofJob(id: string): ActiveJob | undefined {
    return this.#byJob.get(id);
  }

  /** Deliveries in progress, those without a claim included. */
  get size(): number {
    return this.#byDelivery.size;
  }

  /** Ids of the jobs that were claimed. */
  get claimedIds(): string[] {
    return [...this.#byJob.values()].filter((active) => active.attempt !== null).map((active) => active.jobId);
  }

  #removeJob(active: ActiveJob): void {
    if (this.#byJob.get(active.jobId) === active) this.#byJob.delete(active.jobId);
  }
}
