import type { SourceKind } from '@facequeue/schema';
import type { Caller } from '../http/caller.ts';

/** What a caller may upload. */
export interface UploadLimits {
  /** Largest image, bytes. */
  maxImageBytes: number;
  /** Largest image that a worker may fetch for the caller, bytes; null: as large as the worker takes. */
  maxFetchedBytes: number | null;
  /** Time to send a whole body; for NDJSON, each megabyte of it. */
  timeoutMs: number;
  /** Where images may come from. */
  sources: readonly SourceKind[];
}

/** The limits for one caller: those of the service, and what its key narrows. Every upload gets its limits here. */
export function uploadLimits(
  config: { MAX_IMAGE_BYTES: number; BODY_TIMEOUT: number; SOURCES: readonly SourceKind[] },
  { caller }: { caller: Pick<Caller, 'maxImageBytes' | 'sources'> | null },
): UploadLimits {
  const maxFetchedBytes = caller?.maxImageBytes ?? null;
  return {
    maxImageBytes: Math.min(config.MAX_IMAGE_BYTES, maxFetchedBytes ?? config.MAX_IMAGE_BYTES),
    maxFetchedBytes,
    timeoutMs: config.BODY_TIMEOUT,
    sources: config.SOURCES.filter((source) => caller?.sources.has(source) ?? true),
  };
}
