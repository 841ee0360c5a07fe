import { networkInterfaces } from 'node:os';
import { type Address, readAddress } from './public-address.ts';

/** Interfaces come and go; reading them takes some tens of microseconds. */
const READ_AGAIN_MS = 5000;

/**
 * The addresses of this machine's network interfaces. A public one leads to services that listen on all interfaces, past every firewall.
 * Addresses that a router translates to this machine are on none of its interfaces and cannot be seen.
 */
export class OwnAddresses {
  readonly #read: () => ReturnType<typeof networkInterfaces>;
  readonly #now: () => number;
  #addresses: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(read = networkInterfaces, now = () => performance.now()) {
    this.#read = read;
    this.#now = now;
  }

  has(address: Address): boolean {
    const now = this.#now();
    if (now - this.#readAt >= READ_AGAIN_MS) {
      this.#readAt = now;
      this.#addresses = this.#addressesNow();
    }
    return this.#addresses.has(address.toNormalizedString());
  }

  #addressesNow(): ReadonlySet<string> {
    try {
      const all = Object.values(this.#read()).flatMap((addresses) => addresses ?? []);
      return new Set(all.map(({ address }) => readAddress(address)!.toNormalizedString()));
    } catch {
      // A sandbox may forbid it (no AF_NETLINK): the last ones stay.
      return this.#addresses;
    }
  }
}
