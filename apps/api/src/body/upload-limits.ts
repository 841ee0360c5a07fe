import type { SourceKind } from '@facequeue/schema';
import type { Caller } from '../http/caller.ts';

/** How fast a caller has to send a body, and in whose share of the body memory. */
export interface BodyPace {
  /** See `Caller.flow`. */
  flow: string;
  /** Time to send a whole body; for NDJSON, each megabyte of it. */
  timeoutMs: number;
  /** Bytes a second below which a body is given up, over `SPEED_WINDOW_MS`; 0: none. NDJSON has its time alone. */
  leastSpeed: number;
}

/** What a caller may upload. */
export interface UploadLimits extends BodyPace {
  /** Largest image, bytes. */
  maxImageBytes: number;
  /** Largest image that a worker may fetch for the caller, bytes; null: as large as the worker takes. */
  maxFetchedBytes: number | null;
  /** Jobs, items and frames of the caller that may wait; null: as many as its share. */
  maxPending: number | null;
  /** Where images may come from. */
  sources: readonly SourceKind[];
}

/** The limits for one caller: those of the service, and what its key narrows. Every upload gets its limits here. */
export function uploadLimits(
  config: {
    MAX_IMAGE_BYTES: number;
    BODY_TIMEOUT: number;
    BODY_MIN_SPEED: number;
    SOURCES: readonly SourceKind[];
  },
  { caller, flow }: { caller: Pick<Caller, 'maxImageBytes' | 'waiting' | 'sources'> | null; flow: string },
): UploadLimits {
  const maxFetchedBytes = caller?.maxImageBytes ?? null;
  return {
    maxImageBytes: Math.min(config.MAX_IMAGE_BYTES, maxFetchedBytes ?? config.MAX_IMAGE_BYTES),
    maxFetchedBytes,
    maxPending: caller?.waiting ?? null,
    flow,
    timeoutMs: config.BODY_TIMEOUT,
    leastSpeed: config.BODY_MIN_SPEED,
    sources: config.SOURCES.filter((source) => caller?.sources.has(source) ?? true),
  };
}
