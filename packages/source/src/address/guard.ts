import { type AllowEntry, bareHost, entryAdmits } from './allow-list.ts';
import { isPublic, readAddress } from './public-address.ts';

/** Decides whether a connection may be made. */
export interface AddressGuard {
  /**
   * @param hostname the URL's host, as the URL parser gives it
   * @param address the address it resolved to, or the host itself when it is an address
   */
  admits(hostname: string, port: number, address: string): boolean;
}

/** Admits public addresses and those on the allow-list. An address that cannot be parsed is never admitted. */
export function createGuard(allow: readonly AllowEntry[]): AddressGuard {
  return {
    admits(hostname, port, text) {
      const address = readAddress(text);
      if (!address) return false;
      return isPublic(address) || allow.some((entry) => entryAdmits(entry, bareHost(hostname), port, address));
    },
  };
}
