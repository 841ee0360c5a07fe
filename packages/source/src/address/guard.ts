import { type AllowEntry, bareHost, entryAdmits } from './allow-list.ts';
import { isPublic, readAddress } from './public-address.ts';

/** Says whether a connection may be made. */
export interface AddressGuard {
  /**
   * @param hostname the URL's host, as the URL parser gives it
   * @param address what it resolved to; for a literal address, that
   */
  admits(hostname: string, port: number, address: string): boolean;
}

/** Admits public addresses, and what the allow-list names. An address that cannot be read is never admitted. */
export function createGuard(allow: readonly AllowEntry[]): AddressGuard {
  return {
    admits(hostname, port, text) {
      const address = readAddress(text);
      if (!address) return false;
      return isPublic(address) || allow.some((entry) => entryAdmits(entry, bareHost(hostname), port, address));
    },
  };
}
