import type { AllowEntry } from './address/allow-list.ts';
import { createGuard } from './address/guard.ts';
import { Budget } from './budget.ts';
import { forbidden } from './errors.ts';
import type { Resolve } from './http/connector.ts';
import { parseImageUrl } from './image-url.ts';
import type { SourceLimits } from './limits.ts';
import { once } from './once.ts';
import type { S3Options } from './s3/client.ts';

/** Image bytes from a reference. */
export interface ImageSource extends AsyncDisposable {
  /**
   * @param url http, https or s3
   * @param signal ends the fetch and its connection; the promise then rejects with the signal's reason
   * @returns the bytes, in an array that owns its whole buffer
   * @throws FacequeueError invalid_request, source_forbidden, source_unreachable, source_timeout, body_too_large
   */
  fetch(url: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Ends all connections; fetches under way fail. */
  close(): Promise<void>;
}

export interface SourceOptions {
  limits: SourceLimits;
  /** Destinations admitted although they are not public. */
  allow: readonly AllowEntry[];
  s3: S3Options;
  /** PEM certificates trusted instead of the system's. */
  ca?: string | undefined;
  /** Resolver of names; the system's when absent. */
  resolve?: Resolve | undefined;
}

/** A source for every scheme. The libraries behind a scheme (30 MB for http, 10 MB for s3) are loaded when it is first used. */
export function createImageSource({ limits, allow, s3, ca, resolve }: SourceOptions): ImageSource {
  const http = once(async () => {
    const { createHttpSource } = await import('./http/http-source.ts');
    return createHttpSource({ limits, guard: createGuard(allow), ca, resolve });
  });
  const storage = once(async () => {
    const { createS3Source } = await import('./s3/s3-source.ts');
    return createS3Source({ ca, ...s3 }, limits);
  });
  const close = async () => {
    await Promise.all([http, storage].map(async (scheme) => (await scheme.made)?.close()));
  };

  return {
    async fetch(text, signal) {
      const image = parseImageUrl(text);
      signal?.throwIfAborted();
      if (image.scheme === 's3' && s3.prefixes.length === 0)
        throw forbidden('s3 URLs are switched off here: S3_SOURCE_PREFIXES names no bucket.');
      using budget = new Budget(limits.totalMs, signal, 'The image was not fetched');
      return image.scheme === 's3'
        ? await (await storage()).fetch(image, budget)
        : await (await http()).fetch(image.url, budget);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
