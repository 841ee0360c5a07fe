import type { Agent } from 'undici';
import type { Budget } from '../budget.ts';
import { collect } from '../collect.ts';
import { forbidden, unreachable } from '../errors.ts';
import { parseImageUrl } from '../image-url.ts';
import type { SourceLimits } from '../limits.ts';
import { discard, guardedAgent, USER_AGENT } from './agent.ts';
import type { ConnectorOptions } from './connector.ts';
import { connectionFailure, isStaleSocket } from './failures.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What every request says; nothing of the caller's request is passed on, and no cookies are kept. */
const HEADERS = {
  'user-agent': USER_AGENT,
  accept: 'image/*, application/octet-stream;q=0.9, */*;q=0.8',
  'accept-encoding': 'identity',
};

export interface HttpSourceOptions extends Omit<ConnectorOptions, 'connectMs'> {
  limits: SourceLimits;
}

/** Images from http and https. Proxy variables of the environment are ignored: a proxy would resolve names unguarded. */
export function createHttpSource({ limits, ...connector }: HttpSourceOptions) {
  const agent = guardedAgent({ ...connector, connectMs: limits.connectMs });

  return {
    /** @throws FacequeueError source_forbidden, source_unreachable, source_timeout, body_too_large; the signal's reason */
    async fetch(url: URL, budget: Budget): Promise<Uint8Array> {
      try {
        const { statusCode, headers, body } = await followed(agent, url, limits, budget);
        const encoding = headers['content-encoding'];
        if (statusCode !== 200 || (encoding && encoding !== 'identity')) {
          discard(body);
          throw unreachable(
            statusCode !== 200
              ? `The image host answered ${statusCode}.`
              : 'The image host answered with a content encoding that was not asked for.',
          );
        }
        const length = headers['content-length'];
        return await collect(body, {
          declared: length === undefined ? undefined : Number(length),
          maxBytes: limits.maxBytes,
        });
      } catch (error) {
        budget.signal.throwIfAborted();
        throw connectionFailure(error, 'image host');
      }
    },

    /** Ends all connections, those in use too. */
    close: () => agent.destroy(),
  };
}

/** The answer at the end of a chain of redirects; each hop is checked as if it were the first. */
async function followed(agent: Agent, start: URL, limits: SourceLimits, budget: Budget) {
  let url = start;
  for (let redirects = 0; ; redirects++) {
    const answer = await answered(agent, url, limits, budget);
    const location = answer.headers['location'];
    if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return answer;
    discard(answer.body);
    if (redirects === limits.maxRedirects)
      throw unreachable(`The image host redirects more than ${limits.maxRedirects} times.`);
    url = redirected(url, location);
  }
}

/** Where a redirect leads. Only http and https: a web server must not send us to a bucket. */
function redirected(from: URL, location: string): URL {
  const target = URL.parse(location, from.href);
  if (!target) throw unreachable('The image host redirects to something that is not a URL.');
  try {
    const image = parseImageUrl(target.href);
    if (image.scheme === 'http') return image.url;
  } catch (error) {
    throw forbidden('The image host redirects to a URL that is not allowed.', error);
  }
  throw forbidden('The image host redirects to a URL that is not allowed.');
}

/** One request, up to the headers of its answer. */
async function answered(agent: Agent, url: URL, limits: SourceLimits, budget: Budget) {
  using _headers = budget.phase(limits.headersMs, 'The image host did not answer');
  const request = () =>
    budget.race(
      agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: HEADERS,
        signal: budget.signal,
      }),
    );
  try {
    return await request();
  } catch (error) {
    // The server may have hung up a kept-alive connection just when we used it. Once, because a GET may be repeated.
    if (!isStaleSocket(error)) throw error;
    return await request();
  }
}
