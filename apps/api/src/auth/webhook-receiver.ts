import { FacequeueError } from '@facequeue/schema';
import { parseWebhookUrl } from '@facequeue/source/webhook-url';
import type { GatewayConfig } from '../variables.ts';

/**
 * The receiver a call names, in the form it is kept in.
 * @throws invalid_request when it is no address one could post to, or nobody could sign for this caller
 */
export function webhookReceiver(
  text: string,
  owner: string,
  { WEBHOOK_SECRETS: secrets }: Pick<GatewayConfig, 'WEBHOOK_SECRETS'>,
): string {
  const { href } = parseWebhookUrl(text);
  if (!secrets.get(owner)?.length) {
    throw new FacequeueError(
      'invalid_request',
      `webhook_url needs a secret that signs: WEBHOOK_SECRETS has none for ${owner ? `the key ${owner}` : 'callers without a key'}`,
      { parameter: 'webhook_url' },
    );
  }
  return href;
}
