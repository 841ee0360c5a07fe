/** What an API key may be for. Each route that needs a key needs one of these. */
export const SCOPES = ['detect', 'jobs', 'batches', 'cameras', 'metrics', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The scopes of a key that names none. `admin` concerns what belongs to others, so it has to be given. */
export const DEFAULT_SCOPES: readonly Scope[] = SCOPES.filter((scope) => scope !== 'admin');
