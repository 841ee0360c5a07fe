/** Credentials for image hosts (`SOURCE_CREDENTIALS_FILE`): snapshots of cameras, private image servers. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from '@facequeue/schema/config';
import { z } from 'zod';

/** What authorizes requests to one origin. No member can be printed. */
export class Credentials {
  readonly #authorizations: ReadonlyMap<string, string>;
  /** Whether every user of the machine may read the file. */
  readonly readableByAll: boolean;

  /** @param authorizations headers by origin */
  constructor(authorizations: ReadonlyMap<string, string> = new Map(), readableByAll = false) {
    this.#authorizations = authorizations;
    this.readableByAll = readableByAll;
  }

  /**
   * The header for a request; undefined for none.
   * @param url where the request goes
   * @param named the URL that the caller named: credentials are for its origin alone, wherever redirects lead
   */
  authorization(url: URL, named: URL): string | undefined {
    return url.origin === named.origin ? this.#authorizations.get(url.origin) : undefined;
  }
}

const VISIBLE = /^[\x21-\x7e]+$/;

const Entry = z.union([
  // The user name of basic authentication ends at the first colon.
  z.strictObject({ user: z.string().regex(/^[^:\p{Cc}]+$/u), password: z.string().regex(/^\P{Cc}*$/u) }),
  z.strictObject({ token: z.string().regex(VISIBLE) }),
]);

const FORM = '{"http://camera-1.lan": {"user": "…", "password": "…"}, "https://images.lan:8443": {"token": "…"}}';

/**
 * Reads the text of the file: an object with an entry for each origin.
 * @returns `Authorization` headers by origin
 * @throws ConfigError naming what is wrong, without any value
 */
export function parseCredentials(text: string): Map<string, string> {
  const file = z.record(z.string(), z.unknown()).safeParse(jsonOf(text));
  if (!file.success) throw new ConfigError('it is not a JSON object');
  const authorizations = new Map<string, string>();
  for (const [key, value] of Object.entries(file.data)) {
    const origin = originOf(key);
    // The name may have a password in it.
    if (!origin) throw new ConfigError('a name is no origin: http:// or https://, a host and perhaps a port');
    const entry = Entry.safeParse(value);
    if (!entry.success) throw new ConfigError(`${origin} needs "user" and "password", or "token", and nothing else`);
    if (authorizations.has(origin)) throw new ConfigError(`${origin} is there twice`);
    authorizations.set(origin, authorizationOf(entry.data));
  }
  return authorizations;
}

const authorizationOf = (entry: z.output<typeof Entry>) =>
  'token' in entry
    ? `Bearer ${entry.token}`
    : `Basic ${Buffer.from(`${entry.user}:${entry.password}`).toString('base64')}`;

function originOf(text: string): string | null {
  const url = URL.parse(text);
  const bare = url && !url.username && !url.password && !url.search && !url.hash && url.pathname === '/';
  return bare && /^https?:$/.test(url.protocol) ? url.origin : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse quotes what is near the mistake.
    throw new ConfigError('it is not JSON');
  }
}

/** The setting: the path of the file, whose value is what is in it. */
export const credentialsFile = () =>
  z
    .string()
    .optional()
    .transform((path, context) => {
      if (path === undefined) return new Credentials();
      try {
        return new Credentials(parseCredentials(readFileSync(path, 'utf8')), (statSync(path).mode & 0o004) !== 0);
      } catch (error) {
        const why =
          error instanceof ConfigError ? error.message : `it cannot be read (${(error as { code?: string }).code})`;
        context.issues.push({ code: 'custom', message: `a file such as ${FORM}: ${why}`, input: path });
        return z.NEVER;
      }
    });
