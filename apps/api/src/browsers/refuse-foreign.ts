/** What keeps web pages of strangers from calling through the browser of somebody who can reach the gateway. */
import { FacequeueError } from '@facequeue/schema';
import type { Request } from 'express';
import { isLoopback, needsKey, needsLocalCallers } from '../auth/exposure.ts';
import { CorsOrigins } from './cors.ts';
import { type Hosts, hostOf } from './host-list.ts';

/** Paths that answer whatever host they are asked as: orchestrators ask by address. */
const PROBES = ['/livez', '/readyz', '/ping'];

/** Pages that other sites may link to. */
const PAGES = ['/', '/docs', '/guide'];

export interface ForeignRules {
  /** Hosts that a request may name; null: any. */
  hosts: Hosts | null;
  /** Whether probes may name any host. */
  openProbes: boolean;
  /** Whether anybody may call without a key: then a page needs no more than a visitor who can reach the gateway. */
  open: boolean;
  /** Whether an origin may call, besides pages of `hosts`. */
  origins: { has(origin: string): boolean };
  /** What a refusal says. */
  texts: { host: string; origin: string };
  basePath: string;
}

/**
 * @param cors origins whose pages may read answers
 * @throws ConfigError when the API would be open to the network without ALLOW_OPEN
 */
export function foreignRules(
  config: Parameters<typeof needsLocalCallers>[0] & {
    ALLOWED_HOSTS: Hosts | null;
    CORS_ORIGINS: readonly string[];
    BASE_PATH: string;
  },
  cors: CorsOrigins,
): ForeignRules {
  const localOnly = needsLocalCallers(config);
  const { ALLOWED_HOSTS, CORS_ORIGINS, BASE_PATH } = config;
  return {
    hosts: ALLOWED_HOSTS ?? (localOnly ? { has: isLoopback } : null),
    openProbes: ALLOWED_HOSTS !== null,
    open: !needsKey(config),
    // That COMPAT=aws lets every page read answers does not open the loopback address to them.
    origins: localOnly ? new CorsOrigins(CORS_ORIGINS) : cors,
    texts: localOnly && !ALLOWED_HOSTS ? LOCAL_TEXTS : LIST_TEXTS,
    basePath: BASE_PATH,
  };
}

const LOCAL_TEXTS = {
  host: 'Host is not this machine; without API keys only local callers are served',
  origin: 'Origin is not this machine; without API keys only local callers are served',
};
const LIST_TEXTS = {
  host: 'Host is not one of ALLOWED_HOSTS',
  origin: 'Origin is in neither ALLOWED_HOSTS nor CORS_ORIGINS',
};

/**
 * Refuses a request
 * - that names another host: the page's own name may resolve to the gateway's address by now (DNS rebinding);
 * - without keys, from a page of another site, visible in `Origin`, and in `Sec-Fetch-Site` where a browser sends no `Origin`.
 * @throws invalid_request for two hosts, forbidden
 */
export function refuseForeign(request: Request, rules: ForeignRules): void {
  const { hosts, origins, texts } = rules;
  const named = hostsOf(request);
  const path = pathBelow(request, rules.basePath);
  if (hosts && !(rules.openProbes && PROBES.includes(path)) && !named.every((host) => hosts.has(host)))
    throw new FacequeueError('forbidden', texts.host);
  if (!rules.open) return;

  const { origin } = request.headers;
  const allowed = origin !== undefined && (origins.has(origin) || hosts?.has(URL.parse(origin)?.hostname ?? ''));
  if (hosts && origin !== undefined && !allowed) throw new FacequeueError('forbidden', texts.origin);
  if (request.headers['sec-fetch-site'] === 'cross-site' && !allowed && !opensPage(request, path))
    throw new FacequeueError('forbidden', 'this call comes from a page of another site; CORS_ORIGINS does not name it');
}

/** The hosts that a request names: in `Host`, and in its target where that is a whole URL. */
function hostsOf(request: Request): string[] {
  const { host } = request.headers;
  const count = request.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  if (count > 1) throw new FacequeueError('invalid_request', 'the request has more than one Host header');
  const target = /^\w+:\/\/([^/?#]*)/.exec(request.url)?.[1];
  return [host, target].flatMap((text) => (text === undefined ? [] : hostOf(text)));
}

/** The path below BASE_PATH, without a slash at its end; probes answer outside of it, too. */
function pathBelow({ path }: Request, basePath: string): string {
  const below = path.startsWith(`${basePath}/`) || path === basePath ? path.slice(basePath.length) : path;
  return below.replace(/\/$/, '') || '/';
}

/** Whether a link to a page was followed. */
function opensPage({ method, headers }: Request, path: string): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && PAGES.includes(path);
}
