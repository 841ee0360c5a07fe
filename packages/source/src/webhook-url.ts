import { parseWebUrl, urlText } from './web-url.ts';

const NAME = 'webhook_url';

/**
 * Parses the URL of a webhook: http or https, without user name and password. Checks only the form: the address is
 * checked when a webhook is posted.
 * @throws FacequeueError invalid_request, with `parameter` webhook_url
 * @example
 * parseWebhookUrl('https://hooks.example.com/faces#top').href; // 'https://hooks.example.com/faces'
 */
export function parseWebhookUrl(text: string): URL {
  return parseWebUrl(urlText(text, NAME), NAME, 'http or https');
}
