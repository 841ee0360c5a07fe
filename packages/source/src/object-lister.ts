import { requireSource, SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import { lazy } from '@facequeue/time';
import type { S3Options } from './s3/client.ts';
import { checkListing } from './s3/locations.ts';
import { s3Url } from './s3/s3-url.ts';

/** An object of a listing. */
export interface ListedObject {
  /** `s3://bucket/key` */
  url: string;
  /** Bytes. */
  size: number;
}

export interface ObjectPage {
  objects: ListedObject[];
  /** Token of the next page; null after the last one. */
  next: string | null;
}

/** Lists the objects under a prefix, a page at a time. */
export interface ObjectLister extends AsyncDisposable {
  /**
   * Skips folders (keys that end with /), empty objects and objects with other suffixes, so a page may have few objects or none.
   * @param url `s3://bucket/prefix`
   * @param suffixes compared case-insensitively; none: every object
   * @param after `next` of the previous page; '' for the first page
   * @param max objects to examine, at most 1000
   * @param signal aborts the request; the promise then rejects with the signal's reason
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout
   */
  page(url: string, suffixes: readonly string[], after: string, max: number, signal?: AbortSignal): Promise<ObjectPage>;
  /** Closes all connections; requests in progress fail. */
  close(): Promise<void>;
}

export interface StorageOptions {
  /** Kinds of sources that are read; all when absent. */
  kinds?: readonly SourceKind[];
  s3: S3Options;
  /** Milliseconds to look up a name and connect; the S3 client tries three times. */
  connectMs: number;
  /** Milliseconds for one request, including the retries of the S3 client. */
  totalMs: number;
}

/**
 * @param options `s3.prefixes`: locations that may be listed
 * @example
 * await using lister = createObjectLister(listerOptions(config));
 * const { objects, next } = await lister.page('s3://photos/2024/', ['.jpg'], '', 1000);
 */
export function createObjectLister({ kinds = SOURCE_KINDS, s3, connectMs, totalMs }: StorageOptions): ObjectLister {
  const storage = lazy(async () => {
    const { createS3Lister } = await import('./s3/s3-lister.ts');
    return createS3Lister(s3, { connectMs, totalMs });
  });
  const close = async () => (await storage.loaded)?.close();
  return {
    async page(url, suffixes, after, max, signal) {
      requireSource(kinds, 's3');
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
