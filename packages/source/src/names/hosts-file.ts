import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

/** Where the system keeps its own table of names. */
export const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** Addresses of names in lower case. */
export type HostsTable = ReadonlyMap<string, readonly LookupAddress[]>;

/** Parses a hosts file (hosts(5)): an address and its names on each line, comments after `#`. Lines of another form are skipped. */
export function parseHostsFile(text: string): HostsTable {
  const table = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address.replace(/%.*/, ''));
    if (family === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      table.set(key, [...(table.get(key) ?? []), { address, family }]);
    }
  }
  return table;
}
