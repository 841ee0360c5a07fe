import type { WebhookAttempt, WebhookState } from './webhook.ts';

/** The webhook of a job's or batch's record. */
export function webhookFrom(fields: Record<string, Buffer>): WebhookState | null {
  const text = (name: string) => fields[name]?.toString() ?? '';
  if (!fields['webhookUrl']) return null;
  return {
    url: text('webhookUrl'),
    status: text('webhookStatus') as WebhookState['status'],
    attempts: attemptsFrom(text('webhookLog')),
    nextAt: Number(text('webhookNextAt')) || null,
  };
}

const attemptsFrom = (log: string) =>
  log
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as WebhookAttempt);
