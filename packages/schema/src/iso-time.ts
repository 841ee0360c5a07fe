/** Times as the API has them: Unix milliseconds as ISO 8601 in UTC. */
export const isoTime = (ms: number) => new Date(ms).toISOString();
export const isoTimeOrNull = (ms: number | null) => (ms === null ? null : isoTime(ms));
