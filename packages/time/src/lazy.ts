/** Loads at the first call; every call returns the same promise. */
export interface Lazy<T> {
  (): Promise<T>;
  /** The promise of the first call; undefined before it. It lets an owner close only what was opened. */
  readonly loaded: Promise<T> | undefined;
}

/**
 * @param load called once, at the first call
 * @example
 * const s3 = lazy(() => import('./s3.ts'));
 * await (await s3.loaded)?.close();
 */
export function lazy<T>(load: () => Promise<T>): Lazy<T> {
  let loaded: Promise<T> | undefined;
  const get = () => {
    loaded ??= load();
    return loaded;
  };
  return Object.defineProperty(get, 'loaded', { get: () => loaded }) as Lazy<T>;
}
