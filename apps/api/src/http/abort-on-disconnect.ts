import type { ServerResponse } from 'node:http';

/** A controller that aborts when the client disconnects. Dispose it when the answer is complete. */
export interface AbortOnDisconnect extends Disposable {
  readonly controller: AbortController;
}

export function abortOnDisconnect(response: ServerResponse): AbortOnDisconnect {
  const controller = new AbortController();
  const onClose = () => controller.abort();
  response.once('close', onClose);
  if (response.destroyed || response.socket?.destroyed) controller.abort();
  return { controller, [Symbol.dispose]: () => void response.off('close', onClose) };
}
