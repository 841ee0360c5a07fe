/** Times as they are shown: from Unix milliseconds to ISO 8601 UTC. */
export const time = (ms: number) => new Date(ms).toISOString();
export const timeOrNull = (ms: number | null) => (ms === null ? null : time(ms));
