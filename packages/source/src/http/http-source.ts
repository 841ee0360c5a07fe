import type { Deadline } from '@facequeue/time';
import type { Agent } from 'undici';
import { collect } from '../collect.ts';
import type { Credentials } from '../credentials.ts';
import { forbidden, missedDeadline, unreachable } from '../errors.ts';
import { parseImageUrl } from '../image-url.ts';
import type { SourceLimits } from '../limits.ts';
import { watchPace } from '../pace.ts';
import { discard, guardedAgent, USER_AGENT } from './agent.ts';
import type { ConnectorOptions } from './connector.ts';
import { connectionFailure, isStaleSocket } from './failures.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Headers of every request. Nothing of the caller's request is forwarded, and no cookies are kept. */
const HEADERS = {
  'user-agent': USER_AGENT,
  accept: 'image/*, application/octet-stream;q=0.9, */*;q=0.8',
  'accept-encoding': 'identity',
};

export interface HttpSourceOptions extends Omit<ConnectorOptions, 'connectMs'> {
  limits: SourceLimits;
  credentials: Credentials;
}

/** Fetches images from http and https URLs. */
export function createHttpSource({ limits, credentials, ...connector }: HttpSourceOptions) {
  const agent = guardedAgent({ ...connector, connectMs: limits.connectMs });

  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout, body_too_large; the signal's reason */
    async fetch(url: URL, deadline: Deadline, onBytes?: (count: number) => void): Promise<Uint8Array> {
      try {
        const { statusCode, headers, body } = await followRedirects(agent, url, limits, credentials, deadline);
        const encoding = headers['content-encoding'];
        if (statusCode !== 200 || (encoding && encoding !== 'identity')) {
          discard(body);
          throw unreachable(
            statusCode !== 200
              ? `the image host answered ${statusCode}${asksForDigest(headers) ? ' and asks for digest authentication, which is not supported' : ''}`
              : 'the image host answered with a content encoding that was not requested',
          );
        }
        const length = headers['content-length'];
        using pace = watchPace(deadline, limits.leastSpeed, 'image host');
        return await collect(body, {
          declared: length === undefined ? undefined : Number(length),
          maxBytes: limits.maxBytes,
          onBytes(count) {
            pace.arrived(count);
            onBytes?.(count);
          },
        });
      } catch (error) {
        deadline.signal.throwIfAborted();
        throw connectionFailure(error, 'image host');
      }
    },

    /** Closes all connections, including those in use. */
    close: () => agent.destroy(),
  };
}

/** Whether a 401 accepts digest authentication alone. */
function asksForDigest({ 'www-authenticate': asked = '' }: Record<string, string | string[] | undefined>): boolean {
  return /\bdigest\b/i.test(String(asked)) && !/\bbasic\b/i.test(String(asked));
}

/** The answer at the end of a chain of redirects. Each hop is checked like the first. */
async function followRedirects(
  agent: Agent,
  start: URL,
  limits: SourceLimits,
  credentials: Credentials,
  deadline: Deadline,
) {
  let url = start;
  for (let redirects = 0; ; redirects++) {
    const authorization = credentials.authorization(url, start);
    const answer = await sendRequest(agent, url, authorization, limits, deadline);
    const location = answer.headers['location'];
    if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return answer;
    discard(answer.body);
    if (redirects === limits.maxRedirects)
      throw unreachable(`the image host redirects more than ${limits.maxRedirects} times`);
    url = redirectTarget(url, location);
  }
}

/** The target of a redirect. Only http and https: a web server must not redirect to a bucket. */
function redirectTarget(from: URL, location: string): URL {
  const target = URL.parse(location, from.href);
  if (!target) throw unreachable('the image host redirects to something that is not a URL');
  try {
    const image = parseImageUrl(target.href);
    if (image.scheme === 'http') return image.url;
  } catch (error) {
    throw forbidden('the image host redirects to a URL that is not allowed', error);
  }
  throw forbidden('the image host redirects to a URL that is not allowed');
}

/** Sends one request and waits for the headers of its answer. */
async function sendRequest(
  agent: Agent,
  url: URL,
  authorization: string | undefined,
  limits: SourceLimits,
  deadline: Deadline,
) {
  using _headers = deadline.phase(limits.headersMs, () =>
    missedDeadline(limits.headersMs, 'the image host did not answer'),
  );
  const request = () =>
    deadline.race(
      agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: authorization === undefined ? HEADERS : { ...HEADERS, authorization },
        signal: deadline.signal,
      }),
    );
  try {
    return await request();
  } catch (error) {
    // The server may close a kept-alive connection just as it is reused. A GET is safe to repeat, so it is sent once more.
    if (!isStaleSocket(error)) throw error;
    return await request();
  }
}
