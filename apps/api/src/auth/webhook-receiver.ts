import { FacequeueError } from '@facequeue/schema';
import { parseWebhookUrl } from '@facequeue/source/webhook-url';

/**
 * Checks the webhook receiver that a call names.
 * @param owner name of the caller's API key; empty without API keys
 * @param secrets WEBHOOK_SECRETS, by owner
 * @returns its URL, normalized
 * @throws invalid_request when nothing can be posted to it, or no secret can sign for this caller
 */
export function webhookReceiver(url: string, owner: string, secrets: ReadonlyMap<string, readonly unknown[]>): string {
  const { href } = parseWebhookUrl(url);
  if (!secrets.get(owner)?.length) {
    throw new FacequeueError(
      'invalid_request',
      `webhook_url needs a signing secret: WEBHOOK_SECRETS has none for ${owner ? `the key ${owner}` : 'callers without a key'}`,
      { parameter: 'webhook_url' },
    );
  }
  return href;
}
