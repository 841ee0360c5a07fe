/**
 * The webhooks of ended jobs, from the worker's side: what is due is leased, tried and reported.
 *
 *   waiting -> pending             the job ends: in the same script, so no end goes untold
 *   pending -> pending             a try that failed is reported with the next one's time, or its lease ends unreported
 *   pending -> delivered | failed | gone   reported; the delivery is erased and gives its bytes back
 *
 * Not a BullMQ queue: a script that ends a job could not add to one, and its limits are not by receiver.
 */
import type { Redis } from 'ioredis';
import { batchFrom } from '../batch/record.ts';
import type { WebhookDelivery, WebhookOutcome, WebhookSubject } from './webhook.ts';
import { recordFrom } from '../job/record.ts';
import type { Scripts } from '../redis/scripts.ts';

/** Tries kept in the log of a delivery. */
const LOG_LENGTH = 10;

/** One lease as take-deliveries.lua returns it: id, attempt, then the record's fields and values. */
type Lease = [Buffer, number, ...Buffer[]];

export class Deliveries {
  readonly #redis: Redis;
  readonly #scripts: Scripts;
  readonly #prefix: string;
  readonly #listeners = new Set<() => void>();

  constructor(redis: Redis, scripts: Scripts, prefix: string) {
    this.#redis = redis;
    this.#scripts = scripts;
    this.#prefix = prefix;
  }

  async take(max: number, perHost: number, leaseMs: number): Promise<WebhookDelivery[]> {
    const leases = (await this.#scripts.buffers('take-deliveries', max, perHost, leaseMs)) as Lease[];
    return leases.map(deliveryFrom);
  }

  async report(delivery: WebhookDelivery, outcome: WebhookOutcome): Promise<boolean> {
    const reply = await this.#scripts(
      'report-delivery',
      delivery.subject.kind === 'job' ? delivery.subject.job.id : delivery.subject.batch.id,
      delivery.attempt,
      outcome.status,
      JSON.stringify(outcome.attempt),
      // By Redis' clock from here on: that of another worker need not agree with ours.
      outcome.status === 'pending' ? Math.max(0, Math.round(outcome.nextAt - Date.now())) : 0,
      LOG_LENGTH,
    );
    return reply === 1;
  }

  /** @returns ends it */
  onDue(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One has just become due. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Tells if there are any: retries become due, and leases end, without anybody announcing it. */
  async look(): Promise<void> {
    if (this.#listeners.size && (await this.#redis.exists(`${this.#prefix}:hosts`))) this.tell();
  }
}

function deliveryFrom([idBytes, attempt, ...pairs]: Lease): WebhookDelivery {
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i < pairs.length; i += 2) fields[pairs[i]!.toString()] = pairs[i + 1]!;
  const id = idBytes.toString();
  const subject = subjectFrom(id, fields);
  const { webhook, finishedAt } = subject.kind === 'job' ? subject.job : subject.batch;
  // It ends once, so its id names the event.
  return { subject, webhookId: `msg_${id}`, url: webhook!.url, attempt, endedAt: finishedAt! };
}

function subjectFrom(id: string, fields: Record<string, Buffer>): WebhookSubject {
  const batch = batchFrom(id, fields, Number(fields['finishedAt']));
  return batch ? { kind: 'batch', batch } : { kind: 'job', job: recordFrom(id, fields)! };
}
