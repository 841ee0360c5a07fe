/** Makes a thing at the first call; `made` is its promise from then on. */
export function once<T>(make: () => Promise<T>) {
  const get = Object.assign(() => (get.made ??= make()), { made: undefined as Promise<T> | undefined });
  return get;
}
