import { isIP } from 'node:net';
import { requireSource, SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import { Deadline, lazy } from '@facequeue/time';
import { type AllowEntry, bareHost } from './address/allow-list.ts';
import { createGuard } from './address/guard.ts';
import { Credentials } from './credentials.ts';
import { forbidden, missedDeadline } from './errors.ts';
import type { Resolve } from './http/connector.ts';
import { connectionFailure } from './http/failures.ts';
import { kindOf, parseImageUrl } from './image-url.ts';
import type { SourceLimits } from './limits.ts';
import { nameLookup } from './names/name-lookup.ts';
import type { S3Options } from './s3/client.ts';
import { portOf } from './web-url.ts';

/** Fetches image bytes from URLs. */
export interface ImageSource extends AsyncDisposable {
  /**
   * The name under which fetches from one place can be counted: of a host, or `s3://bucket`.
   * @param url http, https or s3
   * @throws FacequeueError invalid_request
   */
  hostOf(url: string): string;
  /**
   * An address of the URL's host; '' for s3, whose endpoint the operator chose. A fetch a few seconds later needs no other look-up.
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout
   */
  addressOf(url: string): Promise<string>;
  /**
   * @param url http, https or s3
   * @param signal aborts the fetch and its connection; the promise then rejects with the signal's reason
   * @param onBytes called with the size of each chunk that arrives, bytes
   * @returns the bytes, in an array that owns its whole buffer
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout, body_too_large
   */
  fetch(url: string, signal?: AbortSignal, onBytes?: (count: number) => void): Promise<Uint8Array>;
  /** Closes all connections; fetches in progress fail. */
  close(): Promise<void>;
}

export interface SourceOptions {
  limits: SourceLimits;
  /** Admitted destinations that are not public. */
  allow: readonly AllowEntry[];
  /** The only destinations there are; none: no such restriction. */
  only?: readonly AllowEntry[];
  /** Kinds of URLs that are fetched; both when absent. */
  kinds?: readonly SourceKind[];
  /** Credentials of web hosts; none when absent. */
  credentials?: Credentials;
  s3: S3Options;
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  /** Looks up names; a `NameLookup` when absent. */
  resolve?: Resolve | undefined;
}

/**
 * An image source for http, https and s3. The libraries for a scheme (30 MB of memory for http, 10 MB for s3) are loaded when it
 * is first used.
 * @example
 * await using source = createImageSource(sourceOptions(readConfig(sourceVariables, process.env)));
 * const bytes = await source.fetch('https://example.com/group.jpg', AbortSignal.timeout(5000));
 */
export function createImageSource({
  limits,
  allow,
  only = [],
  kinds = SOURCE_KINDS,
  credentials = new Credentials(),
  s3,
  ca,
  resolve,
}: SourceOptions): ImageSource {
  const guard = createGuard({ allow, only });
  const lookup = resolve ?? nameLookup(limits.connectMs);
  const http = lazy(async () => {
    const { createHttpSource } = await import('./http/http-source.ts');
    return createHttpSource({ limits, credentials, guard, ca, resolve: lookup });
  });
  const storage = lazy(async () => {
    const { createS3Source } = await import('./s3/s3-source.ts');
    return createS3Source({ ca, ...s3 }, limits);
  });
  const close = async () => {
    await Promise.all([http, storage].map(async (scheme) => (await scheme.loaded)?.close()));
  };

  return {
    hostOf(text) {
      const image = parseImageUrl(text);
      return image.scheme === 's3' ? `s3://${image.bucket}` : bareHost(image.url.hostname);
    },
    async addressOf(text) {
      const image = parseImageUrl(text);
      if (image.scheme === 's3') return '';
      const { hostname } = image.url;
      const literal = bareHost(hostname);
      if (isIP(literal)) return literal;
      const refusal = guard.nameRefusal(hostname, portOf(image.url));
      if (refusal) throw forbidden(refusal);
      try {
        return (await lookup(hostname))[0]!.address;
      } catch (error) {
        throw connectionFailure(error, 'image host');
      }
    },
    async fetch(text, signal, onBytes) {
      const image = parseImageUrl(text);
      signal?.throwIfAborted();
      requireSource(kinds, kindOf(image));
      if (image.scheme === 's3' && s3.prefixes.length === 0)
        throw forbidden('s3 URLs are disabled here: S3_SOURCE_PREFIXES names no bucket');
      using deadline = new Deadline({
        ms: limits.totalMs,
        onTimeout: () => missedDeadline(limits.totalMs, 'the image was not fetched'),
        parent: signal,
      });
      return image.scheme === 's3'
        ? await (await storage()).fetch(image, deadline, onBytes)
        : await (await http()).fetch(image.url, deadline, onBytes);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
