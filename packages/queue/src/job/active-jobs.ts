import type { QueueName } from '@facequeue/schema';
import type { ClaimedJob } from './job.ts';

/** Why a job in hand is to be given up: the reason of its signal. */
export class JobAborted extends Error {
  override readonly name = 'JobAborted';
  /** canceled: it has ended; lock_lost: it is, or may be, in other hands. */
  readonly reason: 'canceled' | 'lock_lost';

  constructor(reason: JobAborted['reason']) {
    super(reason === 'canceled' ? 'the job was canceled' : 'the job was delivered again');
    this.reason = reason;
  }
}

/** A job this process has in hand: BullMQ has delivered its ticket and the handler has not returned. */
export class Hand {
  readonly ticket: string;
  readonly queue: QueueName;
  readonly #controller = new AbortController();
  /** The job, once claimed; a ticket that is no turn is its job's id. */
  jobId: string;
  /** The claim's attempt number, once claimed. */
  attempt: number | null = null;
  /** Milliseconds after which it shall be delivered again; null when it is done with. */
  againAfterMs: number | null = null;

  constructor(ticket: string, queue: QueueName) {
    this.ticket = ticket;
    this.queue = queue;
    this.jobId = ticket;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tells the handler that its outcome is no longer wanted. */
  drop(reason: JobAborted['reason']): void {
    this.#controller.abort(new JobAborted(reason));
  }
}

/** All jobs in hand, by ticket and by job. */
export class Hands {
  readonly #byTicket = new Map<string, Hand>();
  readonly #byJob = new Map<string, Hand>();

  /** A job delivered again while its older handler still runs is the newer handler's: the older one is dropped. */
  take(ticket: string, queue: QueueName): Hand {
    this.#byTicket.get(ticket)?.drop('lock_lost');
    const hand = new Hand(ticket, queue);
    this.#byTicket.set(ticket, hand);
    this.#byJob.set(hand.jobId, hand);
    return hand;
  }

  /** The job behind a ticket is known. A ticket that nobody has in hand is none of this process's. */
  claimed(ticket: string, { id, attempt }: Pick<ClaimedJob, 'id' | 'attempt'>): void {
    const hand = this.#byTicket.get(ticket);
    if (!hand) return;
    this.#forgetJob(hand);
    hand.jobId = id;
    hand.attempt = attempt;
    this.#byJob.set(id, hand);
  }

  put(hand: Hand): void {
    if (this.#byTicket.get(hand.ticket) === hand) this.#byTicket.delete(hand.ticket);
    this.#forgetJob(hand);
  }

  get(ticket: string): Hand | undefined {
    return this.#byTicket.get(ticket);
  }

  ofJob(id: string): Hand | undefined {
    return this.#byJob.get(id);
  }

  /** Jobs that were claimed. A turn says nothing of its job before. */
  get claimedIds(): string[] {
    return [...this.#byJob.values()].filter((hand) => hand.attempt !== null).map((hand) => hand.jobId);
  }

  #forgetJob(hand: Hand): void {
    if (this.#byJob.get(hand.jobId) === hand) this.#byJob.delete(hand.jobId);
  }
}
