/** Times as the API has them: ISO 8601 in UTC. */
import { z } from 'zod';

export const IsoTime = z.iso.datetime();

/** @param ms Unix milliseconds */
export const isoTime = (ms: number) => new Date(ms).toISOString();
export const isoTimeOrNull = (ms: number | null) => (ms === null ? null : isoTime(ms));
