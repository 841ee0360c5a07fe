/** The state of a webhook, as the job or batch it belongs to shows it. */
import { z } from 'zod';
import { IsoTime, isoTime, isoTimeOrNull } from '../http/iso-time.ts';

export const WebhookReport = z
  .object({
    url: z.string(),
    status: z.enum(['waiting', 'pending', 'delivered', 'failed', 'gone']).meta({
      description:
        'waiting: the job has not ended; pending: the next attempt is due at next_at; gone: the receiver answered 410.',
    }),
    attempts: z.array(
      z.object({ at: IsoTime, status: z.int().nullable(), error: z.string().nullable(), ms: z.number() }),
    ),
    next_at: IsoTime.nullable(),
  })
  .meta({ id: 'WebhookReport' });
export type WebhookReport = z.infer<typeof WebhookReport>;

/** The members of a record that `webhookReport` needs. Times are Unix milliseconds. */
export interface WebhookView {
  url: string;
  status: WebhookReport['status'];
  attempts: { at: number; status: number | null; error: string | null; ms: number }[];
  nextAt: number | null;
}

export function webhookReport({ url, status, attempts, nextAt }: WebhookView): WebhookReport {
  return {
    url,
    status,
    attempts: attempts.map(({ at, ...attempt }) => ({ at: isoTime(at), ...attempt })),
    next_at: isoTimeOrNull(nextAt),
  };
}
