import type { ServerResponse } from 'node:http';
import { DEFAULT_SCOPES, SCOPES } from '@facequeue/schema/scopes';
import type { Logger } from '@facequeue/service';
import { repeat } from '@facequeue/time';
import type { Request } from 'express';
import { type Caller, NO_LIMITS } from '../http/caller.ts';
import { UnorderedSet } from '../http/unordered-set.ts';
import { identify } from './caller.ts';
import { flowOfAddress } from './flow.ts';
import { type ApiKey, ApiKeys, type ListedKey } from './keys.ts';
import { KeysFile } from './keys-file.ts';

/** How soon a change of API_KEYS_FILE is noticed, and an open answer of a key that is no longer in force is cut off, ms. */
const CHECK_EVERY_MS = 1000;

export interface AuthenticatorConfig {
  API_KEYS: readonly ApiKey[];
  API_KEYS_FILE?: string | undefined;
  ALLOW_OPEN: boolean;
}

/** Makes the weights of flows known to all gateways and workers. */
type SetWeights = (weights: ReadonlyMap<string, number>) => void;

/** Finds out who calls. */
export class Authenticator implements Disposable {
  readonly #keys: ApiKeys;
  readonly #file: KeysFile | null;
  readonly #log: Logger;
  readonly #setWeights: SetWeights;
  /** What everybody may do at a gateway without keys; null for one with keys. */
  readonly #anybody: Omit<Caller, 'flow'> | null;
  /** Answers that are not complete, with the key of their call. */
  readonly #answers = new UnorderedSet<{ key: ApiKey; response: ServerResponse }>();
  #checks: Disposable | null = null;
  /** Why the file could not be used when it was last read; null when it could. */
  #failure: string | null = null;

  private constructor(config: AuthenticatorConfig, log: Logger, setWeights: SetWeights) {
    this.#keys = new ApiKeys(config.API_KEYS);
    this.#file = config.API_KEYS_FILE === undefined ? null : new KeysFile(config.API_KEYS_FILE);
    this.#log = log;
    this.#setWeights = setWeights;
    // A file without keys admits nobody: deleting the last key must not open the gateway.
    const open = config.API_KEYS.length === 0 && this.#file === null;
    this.#anybody = open
      ? { ...NO_LIMITS, owner: '', scopes: new Set(config.ALLOW_OPEN ? DEFAULT_SCOPES : SCOPES) }
      : null;
  }

  /**
   * @param setWeights called with the weights of all keys, now and when they may have changed; never by a gateway without keys
   * @throws ConfigError when API_KEYS_FILE cannot be used
   */
  static async open(config: AuthenticatorConfig, log: Logger, setWeights: SetWeights): Promise<Authenticator> {
    const authenticator = new Authenticator(config, log, setWeights);
    const file = authenticator.#file;
    if (file) {
      authenticator.#keys.replaceFileKeys(await file.read());
      authenticator.#checks = repeat(() => authenticator.#check(file), CHECK_EVERY_MS);
    }
    // One without keys may run beside others that have some.
    if (!authenticator.#anybody) authenticator.#publishWeights();
    return authenticator;
  }

  /**
   * The caller of a request. Its answer is cut off when its key is revoked or expires before the answer is complete.
   * @throws unauthorized
   */
  authenticate(request: Request, response: ServerResponse): Caller {
    if (this.#anybody) return { ...this.#anybody, flow: flowOfAddress(request.ip) };
    const key = identify(request, this.#keys, Date.now());
    if (this.#file) response.once('close', this.#answers.add({ key, response }));
    return key.caller;
  }

  /** The keys in force. */
  listKeys(): ListedKey[] {
    return this.#keys.list();
  }

  /** Reads API_KEYS_FILE now. One that cannot be used changes nothing but the log. */
  async reload(): Promise<void> {
    if (!this.#file) return;
    try {
      const keys = this.#keys.replaceFileKeys(await this.#file.read());
      this.#log.info({ keys }, 'API_KEYS_FILE read');
      this.#publishWeights();
      this.#failure = null;
    } catch (error) {
      const failure = String(error);
      // A file that cannot be read is tried again every second.
      if (failure !== this.#failure)
        this.#log.error({ err: error }, 'API_KEYS_FILE cannot be used; the keys read before stay in force');
      this.#failure = failure;
    }
    this.#cutOff();
  }

  [Symbol.dispose](): void {
    this.#checks?.[Symbol.dispose]();
  }

  async #check(file: KeysFile): Promise<void> {
    if (await file.hasChanged()) await this.reload();
    else this.#cutOff();
  }

  #publishWeights(): void {
    this.#setWeights(new Map(this.#keys.list().map(({ caller, weight }) => [caller.flow, weight])));
  }

  /** Cuts off what is still sent to keys that are no longer in force. */
  #cutOff(): void {
    const now = Date.now();
    for (const { key, response } of this.#answers) if (!this.#keys.inForce(key, now)) response.destroy();
  }
}
