import { type AllowEntry, bareHost, entryAdmits } from './allow-list.ts';
import { OwnAddresses } from './own-addresses.ts';
import { isPublic, readAddress } from './public-address.ts';

/** Decides whether a connection may be made. */
export interface AddressGuard {
  /**
   * Why there must be no connection; null when there may be one. The text is public.
   * @param hostname the URL's host, as the URL parser gives it
   * @param address the address it resolved to, or the host itself when it is an address
   */
  refusal(hostname: string, port: number, address: string): string | null;
  /** Why the name need not even be looked up; null when its address decides. */
  nameRefusal(hostname: string, port: number): string | null;
}

export interface GuardRules {
  /** Destinations that are admitted although they are not public: SOURCE_ALLOW. */
  allow: readonly AllowEntry[];
  /** The only destinations there are; none: no such restriction. SOURCE_ONLY. */
  only: readonly AllowEntry[];
}

const NOT_PUBLIC = 'the host is, or resolves to, an address that is not public and not admitted by SOURCE_ALLOW';
const NOT_LISTED = 'the host and port are not among SOURCE_ONLY';

/**
 * Admits public addresses other than this machine's own, and those on the allow-list, as far as the list of the only ones has them.
 * An address that cannot be parsed is never admitted.
 */
export function createGuard(
  { allow, only }: GuardRules,
  own: Pick<OwnAddresses, 'has'> = new OwnAddresses(),
): AddressGuard {
  return {
    refusal(hostname, port, text) {
      const address = readAddress(text);
      if (!address) return NOT_PUBLIC;
      const admitted = (entry: AllowEntry) => entryAdmits(entry, bareHost(hostname), port, address);
      if (only.length > 0 && !only.some(admitted)) return NOT_LISTED;
      return (isPublic(address) && !own.has(address)) || allow.some(admitted) ? null : NOT_PUBLIC;
    },
    nameRefusal(hostname, port) {
      const possible = (entry: AllowEntry) => entryAdmits(entry, bareHost(hostname), port, null);
      return only.length > 0 && !only.some(possible) ? NOT_LISTED : null;
    },
  };
}
