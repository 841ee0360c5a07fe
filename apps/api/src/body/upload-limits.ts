import type { SourceKind } from '@facequeue/schema';

/** What a caller may upload. */
export interface UploadLimits {
  /** Largest image, bytes. */
  maxImageBytes: number;
  /** Time to send a whole body; for NDJSON, each megabyte of it. */
  timeoutMs: number;
  /** Where images may come from. */
  sources: readonly SourceKind[];
}

/**
 * The limits for one caller. Every upload gets its limits here.
 * @param _owner name of the caller's API key; empty without API keys. Unused until limits differ per key (CONTRIBUTING.md has the recipe)
 */
export function uploadLimits(
  config: { MAX_IMAGE_BYTES: number; BODY_TIMEOUT: number; SOURCES: readonly SourceKind[] },
  _owner: string,
): UploadLimits {
  return { maxImageBytes: config.MAX_IMAGE_BYTES, timeoutMs: config.BODY_TIMEOUT, sources: config.SOURCES };
}
