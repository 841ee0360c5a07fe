/**
 * The webhooks of ended jobs and batches, from the worker's side: those that are due are leased, attempted and reported.
 *
 *   waiting -> pending             the job ends: in the same script, so every end is reported
 *   pending -> pending             a failed attempt is reported with the time of the next one, or its lease ends unreported
 *   pending -> delivered | failed | gone   reported; the stored webhook is erased and its bytes are returned
 *
 * Not a BullMQ queue: a script that ends a job could not add to one, and BullMQ has no limits by receiver.
 */

import { batchFrom } from '../batch/record.ts';
import { recordFrom } from '../job/record.ts';
import { DueNotifier } from '../notify/due-notifier.ts';
import type { Connections } from '../redis/connections.ts';
import { defineScript, isOne, json, number, text } from '../redis/define-script.ts';
import { fieldsOf } from '../redis/fields.ts';
import type { WebhookDelivery, WebhookOutcome, WebhookSubject } from './delivery.ts';
import type { WebhookAttempt } from './webhook.ts';

/** Attempts kept in the log of a webhook. */
const LOG_LENGTH = 10;

type LeaseReply = [id: Buffer, attempt: number, ...fields: Buffer[]];

export const leaseScript = defineScript({
  file: new URL('./lease.lua', import.meta.url),
  args: { max: number, perHost: number, leaseMs: number },
  buffers: true,
  reply: (leases: LeaseReply[]) => leases.map(deliveryFrom),
});

export const reportScript = defineScript({
  file: new URL('./report.lua', import.meta.url),
  args: {
    id: text,
    attempt: number,
    status: text,
    attemptJson: json<WebhookAttempt>(),
    nextInMs: number,
    logLength: number,
  },
  reply: isOne,
});

/** The methods are described in WorkerQueue. */
export class Webhooks {
  readonly due: DueNotifier;
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.due = new DueNotifier(connections.redis, connections.keys.hosts);
  }

  lease(max: number, perHost: number, leaseMs: number): Promise<WebhookDelivery[]> {
    return this.#connections.scripts.run(leaseScript, { max, perHost, leaseMs });
  }

  report({ subject, attempt }: WebhookDelivery, outcome: WebhookOutcome): Promise<boolean> {
    return this.#connections.scripts.run(reportScript, {
      id: subject.kind === 'job' ? subject.job.id : subject.batch.id,
      attempt,
      status: outcome.status,
      attemptJson: outcome.attempt,
      // From here on Redis' clock counts: that of another worker need not agree with ours.
      nextInMs: outcome.status === 'pending' ? Math.max(0, Math.round(outcome.nextAt - Date.now())) : 0,
      logLength: LOG_LENGTH,
    });
  }
}

function deliveryFrom([idBytes, attempt, ...pairs]: LeaseReply): WebhookDelivery {
  const id = idBytes.toString();
  const subject = subjectFrom(id, fieldsOf(pairs));
  const { webhook, finishedAt } = subject.kind === 'job' ? subject.job : subject.batch;
  // A job or batch ends once, so its id names the event.
  return { subject, webhookId: `msg_${id}`, url: webhook!.url, attempt, endedAt: finishedAt! };
}

function subjectFrom(id: string, fields: Record<string, Buffer>): WebhookSubject {
  const batch = batchFrom(id, fields, Number(fields['finishedAt']));
  return batch ? { kind: 'batch', batch } : { kind: 'job', job: recordFrom(id, fields)! };
}
