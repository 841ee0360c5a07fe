import { once } from './once.ts';
import type { S3Options } from './s3/client.ts';
import { checkListing } from './s3/locations.ts';
import { s3Url } from './s3/s3-url.ts';

/** An object that a listing found. */
export interface ListedObject {
  /** `s3://bucket/key` */
  url: string;
  /** Bytes. */
  size: number;
}

export interface ObjectPage {
  objects: ListedObject[];
  /** What names the next page; null when this was the last. */
  next: string | null;
}

/** Finds the objects whose keys begin alike, a page at a time. */
export interface ObjectLister extends AsyncDisposable {
  /**
   * Folders (keys that end with /), empty objects and those with other suffixes are passed over, so a page may hold few or none.
   * @param url `s3://bucket/prefix`
   * @param suffixes compared without regard to case; none: every object
   * @param after `next` of the page before; '' for the first
   * @param max objects looked at, at most 1000
   * @param signal ends it; the promise then rejects with the signal's reason
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout
   */
  page(url: string, suffixes: readonly string[], after: string, max: number, signal?: AbortSignal): Promise<ObjectPage>;
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>;
}

export interface StorageOptions {
  s3: S3Options;
  /** Milliseconds to look up a name and connect, TLS included. */
  connectMs: number;
  /** Milliseconds for one exchange, repeats of the S3 client included. */
  totalMs: number;
}

/** @param options `s3.prefixes`: what may be listed */
export function createObjectLister({ s3, connectMs, totalMs }: StorageOptions): ObjectLister {
  const storage = once(async () => {
    const { createS3Lister } = await import('./s3/s3-lister.ts');
    return createS3Lister(s3, { connectMs, totalMs });
  });
  const close = async () => (await storage.made)?.close();
  return {
    async page(url, suffixes, after, max, signal) {
      const listing = checkListing(url, s3.prefixes);
      const { objects, next } = await (await storage()).page(listing, after, max, signal);
      const endings = suffixes.map((suffix) => suffix.toLowerCase());
      return {
        objects: objects
          .filter(({ key, size }) => size > 0 && !key.endsWith('/') && endsWithOne(key.toLowerCase(), endings))
          .map(({ key, size }) => ({ url: s3Url({ bucket: listing.bucket, key }), size })),
        next,
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const endsWithOne = (key: string, endings: readonly string[]) =>
  endings.length === 0 || endings.some((ending) => key.endsWith(ending));
