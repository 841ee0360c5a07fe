import { Webhook } from 'standardwebhooks';

/**
 * The headers of the Standard Webhooks specification, with one signature per secret.
 * @param secrets `whsec_…`, at least one
 * @param now time of the attempt, Unix milliseconds; sent in whole seconds
 */
export function signedHeaders(
  webhookId: string,
  body: string,
  secrets: readonly string[],
  now: number,
): Record<string, string> {
  const seconds = Math.floor(now / 1000);
  const at = new Date(seconds * 1000);
  return {
    'content-type': 'application/json',
    'webhook-id': webhookId,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(webhookId, at, body)).join(' '),
  };
}
