/** An abort controller that counts the listeners on its signal. */
export function countedSignal(): { controller: AbortController; signal: AbortSignal; listeners(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  const registered = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...[type, listener, options]: Parameters<typeof add>) => {
    registered.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (...[type, listener]: Parameters<typeof remove>) => {
    registered.delete(listener);
    remove(type, listener);
  };
  return { controller, signal, listeners: () => registered.size };
}
