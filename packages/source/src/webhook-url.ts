import { parseWebUrl, urlText } from './web-url.ts';

const NAME = 'webhook_url';

/**
 * Parses the URL of a webhook: http or https, without user name and password. Checks its form only: whether its address is
 * allowed is known when it is posted to.
 * @throws FacequeueError invalid_request, with `parameter` webhook_url
 */
export function parseWebhookUrl(text: string): URL {
  return parseWebUrl(urlText(text, NAME), NAME, 'http or https');
}
