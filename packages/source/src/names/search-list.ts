/** How the system completes names, from resolv.conf(5). */
export interface SearchList {
  /** Domains that are put behind a name. */
  domains: readonly string[];
  /** A name with so many dots is looked up as it is first. */
  ndots: number;
}

export const RESOLV_CONF = '/etc/resolv.conf';
/** As the C library reads it. */
const MOST_DOTS = 15;

/** Parses `search`, `domain` (the last of them counts) and `options ndots:` of a resolv.conf. */
export function parseSearchList(text: string): SearchList {
  let domains: string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'search') domains = words;
    if (keyword === 'domain') domains = words.slice(0, 1);
    if (keyword !== 'options') continue;
    for (const word of words) {
      const dots = /^ndots:(\d+)$/.exec(word)?.[1];
      if (dots) ndots = Math.min(Number(dots), MOST_DOTS);
    }
  }
  return { domains: domains.map((domain) => domain.replace(/\.$/, '')).filter(Boolean), ndots };
}

/**
 * The names to look up in turn for a name. One that ends with a dot is complete.
 * @example candidates('minio.photos', { domains: ['svc.cluster.local'], ndots: 5 })
 * // ['minio.photos.svc.cluster.local', 'minio.photos']
 */
export function candidates(name: string, { domains, ndots }: SearchList): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}
