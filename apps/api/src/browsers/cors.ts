/** Which web pages of other origins may read answers (https://fetch.spec.whatwg.org/#http-cors-protocol). */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Response headers that such pages may read, besides those that CORS always allows. */
const EXPOSED_HEADERS =
  'Allow, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Faces-Left-Out, X-Image-Size, X-Job-Id, X-Request-Id';

/** Request headers that they may send. */
const REQUEST_HEADERS =
  'Content-Type, x-api-key, Authorization, X-Request-Id, Prefer, Idempotency-Key, Last-Event-ID, X-Frame-Time';

/** Those that pages send to the reference service besides. */
const REFERENCE_HEADERS = 'X-Amz-Date, X-Amz-Security-Token';

/** How long a browser may remember the answer to a preflight, s. */
const PREFLIGHT_S = 600;

export const ORIGIN_FORM = 'origins such as https://shop.example.org (no path), or *';

/** An origin as browsers send it. @returns null for a text that is no origin */
export function parseOrigin(text: string): string | null {
  if (text === '*') return text;
  const url = URL.parse(text);
  if (!url?.host || url.username || url.password || url.search || url.hash || !['', '/'].includes(url.pathname))
    return null;
  // Apps have schemes of their own, such as capacitor://localhost; for these `origin` is `null`.
  return `${url.protocol}//${url.host}`;
}

/** Origins whose pages may call. */
export class CorsOrigins {
  readonly #origins: ReadonlySet<string>;
  readonly #any: boolean;

  /** @param origins from `parseOrigin`; none: no page of another origin */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
    this.#any = this.#origins.has('*');
  }

  has(origin: string): boolean {
    return this.#any || this.#origins.has(origin);
  }

  /** Lets the page read the answer, whatever the answer will be. */
  setHeaders(request: IncomingMessage, response: ServerResponse): void {
    if (this.#origins.size === 0) return;
    const { origin } = request.headers;
    // Caches must not give one origin's answer to another.
    if (!this.#any) response.setHeader('Vary', 'Origin');
    if (!this.#any && (origin === undefined || !this.has(origin))) return;
    response.setHeader('Access-Control-Allow-Origin', this.#any ? '*' : origin!);
    response.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
  }
}

/**
 * Answers what a browser asks before it sends JSON or a key to another origin, where the origin may call at all. Other OPTIONS requests
 * get the same answer, as from the reference.
 * @param response after `setHeaders`
 * @param methods those of the path
 * @param compat COMPAT=aws
 */
export function allowPreflight(response: ServerResponse, methods: string, compat: boolean): void {
  if (!response.hasHeader('Access-Control-Allow-Origin')) return;
  response.setHeader('Access-Control-Allow-Methods', methods);
  const headers = compat ? `${REQUEST_HEADERS}, ${REFERENCE_HEADERS}` : REQUEST_HEADERS;
  response.setHeader('Access-Control-Allow-Headers', headers);
  response.setHeader('Access-Control-Max-Age', PREFLIGHT_S);
}
