import { parseWebUrl, urlText } from './web-url.ts';

const NAME = 'webhook_url';

/**
 * Reads the URL of a webhook's receiver: http or https, without user name and password. Looks at its shape only; whether
 * its address is allowed is known when it is posted to.
 * @throws FacequeueError invalid_request, with `parameter` webhook_url
 */
export function parseWebhookUrl(text: string): URL {
  return parseWebUrl(urlText(text, NAME), NAME, 'http or https');
}
