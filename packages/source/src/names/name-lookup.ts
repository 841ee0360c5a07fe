/**
 * Looks up names without the threads of `dns.lookup`: Node has four of them for the whole process, and a name whose server never
 * answers occupies one for half a minute, long after its caller gave up. c-ares ends a look-up when its time is over. It knows DNS
 * alone, so what the C library adds is done here: the hosts file, the search list, `localhost`, and names that only the system knows.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { cachedFor, settlesInTime, sleep, startTimer, withTimeout } from '@facequeue/time';
import { HOSTS_FILE, parseHostsFile } from './hosts-file.ts';
import { candidates, parseSearchList, RESOLV_CONF } from './search-list.ts';

/** How long an answer is remembered, ms: a batch may name one host thousands of times. */
const ANSWER_MS = 5000;
/** Names whose answers are remembered. */
const MOST_ANSWERS = 1000;
/** How long a change of the system's files may go unnoticed, ms. */
const FILES_MS = 5000;
/** A name server that has not answered by then is asked again, or the next one is, ms. */
const TRY_MS = 1000;
const TRIES = 4;
/** How long the addresses of one family wait for those of the other, ms: the resolution delay of RFC 8305, section 3. */
const OTHER_FAMILY_MS = 50;

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** Why a name has no addresses. */
export type LookupFailureCode =
  /** There is no such name, or it has no addresses. */
  | 'ENOTFOUND'
  /** The name servers did not answer in time. */
  | 'LOOKUP_TIMEOUT'
  /** The name servers failed, or refuse to answer. */
  | 'LOOKUP_FAILED';

export class LookupError extends Error {
  override readonly name = 'LookupError';
  readonly code: LookupFailureCode;

  constructor(code: LookupFailureCode, cause?: unknown) {
    super(`the look-up of the name ended with ${code}`, { cause });
    this.code = code;
  }
}

export interface NameLookupOptions {
  /** Milliseconds for one name; `Infinity` leaves it to the tries of the name servers, about 15 s. */
  limitMs: number;
  /** Name servers as `address:port`; those of the system when absent. */
  servers?: readonly string[] | undefined;
  hostsFile?: string | undefined;
  resolvConf?: string | undefined;
  /** The system's own look-up, for names that only it knows. */
  system?: ((name: string) => Promise<LookupAddress[]>) | undefined;
}

/**
 * The look-up of names for connections, which have `connectMs` for look-up, connection and TLS: it ends a little earlier, so that the
 * error says which of them was slow.
 * @param connectMs 0 for no limit
 */
export function nameLookup(connectMs: number): (name: string) => Promise<LookupAddress[]> {
  const names = new NameLookup({ limitMs: lookupLimit(connectMs) });
  return (name) => names.lookup(name);
}

/** The part of `connectMs` that a look-up may take, ms; `Infinity` for 0. */
export const lookupLimit = (connectMs: number) => (connectMs === 0 ? Number.POSITIVE_INFINITY : connectMs * 0.9);

/** Looks up names. Simultaneous look-ups of a name are one, and answers are remembered for a few seconds, failures included. */
export class NameLookup {
  readonly #limitMs: number;
  readonly #servers: readonly string[] | undefined;
  readonly #hosts;
  readonly #searchList;
  readonly #system: (name: string) => Promise<LookupAddress[]>;
  readonly #answers = new Map<string, { answer: Promise<LookupAddress[]>; until: number }>();
  /** Settles when the system's last look-up has ended: it makes one at a time, as each may occupy a thread for half a minute. */
  #lastSystemLookup: Promise<unknown> = Promise.resolve();

  constructor({
    limitMs,
    servers,
    hostsFile = HOSTS_FILE,
    resolvConf = RESOLV_CONF,
    system = lookupBySystem,
  }: NameLookupOptions) {
    this.#limitMs = limitMs;
    this.#servers = servers;
    this.#system = system;
    this.#hosts = cachedFor(FILES_MS, async () => parseHostsFile(await textOf(hostsFile)));
    this.#searchList = cachedFor(FILES_MS, async () => parseSearchList(await textOf(resolvConf)));
  }

  /**
   * @param name a host name, not an address
   * @returns all its addresses, at least one
   * @throws LookupError
   */
  async lookup(name: string): Promise<LookupAddress[]> {
    const key = name.toLowerCase();
    const cached = this.#answers.get(key);
    if (cached && cached.until > performance.now()) return await cached.answer;
    const answer = this.#find(key);
    const entry = { answer, until: Number.POSITIVE_INFINITY };
    const remember = () => {
      entry.until = performance.now() + ANSWER_MS;
    };
    answer.then(remember, remember);
    // Again at the end of the map, whose first entry is the first to be forgotten.
    this.#answers.delete(key);
    this.#answers.set(key, entry);
    if (this.#answers.size > MOST_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!);
    return await answer;
  }

  async #find(name: string): Promise<LookupAddress[]> {
    const listed = (await this.#hosts()).get(name.replace(/\.$/, ''));
    if (listed) return [...listed];
    if (/(^|\.)localhost\.?$/.test(name)) return [...LOOPBACK];
    const began = performance.now();
    if (/\.local\.?$/.test(name)) return await this.#findBySystem(name, this.#limitMs);
    try {
      return await this.#findByDns(name);
    } catch (error) {
      // A name without dots may be the system's own, or one of a local network.
      if ((error as LookupError).code !== 'ENOTFOUND' || name.includes('.')) throw error;
      return await this.#findBySystem(name, this.#limitMs - (performance.now() - began));
    }
  }

  async #findByDns(name: string): Promise<LookupAddress[]> {
    const names = candidates(name, await this.#searchList());
    const resolver = new Resolver({ timeout: Math.min(TRY_MS, this.#limitMs), tries: TRIES });
    if (this.#servers) resolver.setServers(this.#servers);
    using _limit = startTimer(this.#limitMs, () => resolver.cancel());
    let failure = new LookupError('ENOTFOUND');
    for (const candidate of names) {
      try {
        return await addressesOf(resolver, candidate);
      } catch (error) {
        failure = lookupFailure(error);
        if (failure.code !== 'ENOTFOUND') throw failure;
      }
    }
    throw failure;
  }

  async #findBySystem(name: string, ms: number): Promise<LookupAddress[]> {
    const previous = this.#lastSystemLookup;
    const began = performance.now();
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    this.#lastSystemLookup = previous.then(() => done);
    const timedOut = () => new LookupError('LOOKUP_TIMEOUT');
    if (!(await settlesInTime(previous, ms))) {
      release();
      throw timedOut();
    }
    const looking = this.#system(name);
    // Released when the thread is free, not when the caller gives up.
    looking.then(
      () => release(),
      () => release(),
    );
    try {
      return await withTimeout(looking, ms - (performance.now() - began), timedOut);
    } catch (error) {
      throw error instanceof LookupError ? error : lookupFailure(error);
    }
  }
}

/** The addresses of both families; those of one when the other has none, fails, or is slow. */
async function addressesOf(resolver: Resolver, name: string): Promise<LookupAddress[]> {
  const [v4, v6] = ([4, 6] as const).map(async (family) => {
    const addresses = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
    return addresses.map((address) => ({ address, family }));
  }) as [Promise<LookupAddress[]>, Promise<LookupAddress[]>];
  const none: LookupAddress[] = [];
  await Promise.any([v4, v6]).catch((error: AggregateError) => Promise.reject(mostInformative(error.errors)));
  const late = sleep(OTHER_FAMILY_MS).then(() => none);
  const all = await Promise.all([v4, v6].map((family) => Promise.race([family.catch(() => none), late])));
  // IPv4 first: a machine without IPv6 connects at once, and one with both tries them in turn.
  return all.flat();
}

/** Of the failures of both families one that says more than that there is no such name, if there is one. */
function mostInformative(errors: readonly unknown[]): unknown {
  return errors.find((error) => lookupFailure(error).code !== 'ENOTFOUND') ?? errors[0];
}

function lookupFailure(error: unknown): LookupError {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (/^(ENOTFOUND|ENODATA|EBADNAME|ENONAME|EAI_NONAME|EAI_NODATA)$/.test(code))
    return new LookupError('ENOTFOUND', error);
  if (/^(ETIMEOUT|ECANCELLED)$/.test(code)) return new LookupError('LOOKUP_TIMEOUT', error);
  return new LookupError('LOOKUP_FAILED', error);
}

/** '' for a file that cannot be read: a system without it has nothing to add. */
async function textOf(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}

function lookupBySystem(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) =>
    systemLookup(name, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );
}
