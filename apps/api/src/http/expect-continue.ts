import type { IncomingMessage, ServerResponse } from 'node:http';

/** Sends 100 Continue to a client that waits for it before it sends its body (`Expect: 100-continue`). */
export function sendContinue(request: IncomingMessage, response: ServerResponse): void {
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
}
