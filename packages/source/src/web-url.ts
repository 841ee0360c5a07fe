/** The form of URLs in calls. Nothing here uses the network. */
import { MAX_URL_LENGTH } from '@facequeue/schema';
import { invalidUrl } from './errors.ts';

/** Tabs and line breaks, which URL parsers drop silently, and the other control characters. */
const CONTROL_CHARACTERS = /\p{Cc}/u;

/**
 * The text of a URL without surrounding white space.
 * @param name the request member that holds it
 * @throws FacequeueError invalid_request: too long, or with a control character
 */
export function urlText(text: string, name: string): string {
  if (text.length > MAX_URL_LENGTH) throw invalidUrl(`${name} is longer than ${MAX_URL_LENGTH} characters`, name);
  if (CONTROL_CHARACTERS.test(text)) throw invalidUrl(`${name} has a control character in it`, name);
  return text.trim();
}

/**
 * Parses an http or https URL and drops its fragment. User names and passwords are refused: they would be stored with the job.
 * @param text from `urlText`
 * @param schemes allowed schemes, for the text of the error
 * @throws FacequeueError invalid_request
 */
export function parseWebUrl(text: string, name: string, schemes: string): URL {
  const url = URL.parse(text);
  if (!url) throw invalidUrl(`${name} is not an absolute URL`, name);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalidUrl(`${name} is not ${schemes}`, name);
  if (url.username || url.password) throw invalidUrl(`${name} contains a user name or password`, name);
  if (url.port === '0') throw invalidUrl(`${name} names port 0`, name);
  url.hash = '';
  return url;
}

/** The port that a URL names, or its scheme's. */
export const portOf = (url: URL) => Number(url.port || (url.protocol === 'https:' ? 443 : 80));
