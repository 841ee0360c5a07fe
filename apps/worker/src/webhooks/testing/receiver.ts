/** A receiver of webhooks for tests: records what it gets and answers as the test says. */
import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A received request. */
export interface Message {
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** `address:port` */
  readonly host: string;
  readonly messages: readonly Message[];
  /** Resolves when this many messages have arrived. */
  got(count: number): Promise<void>;
  /** Most messages in flight at a time. */
  peak(): number;
  connections(): number;
}

/** Status to answer with, or a function that answers; `hang` never answers. */
export type Answer = number | 'hang' | ((response: ServerResponse) => void);

/** @param answer the answer to the first, second, … message */
export async function startReceiver(answer: (count: number) => Answer = () => 204): Promise<Receiver> {
  const messages: Message[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  let connections = 0;
  let open = 0;
  let peak = 0;
  const server = createServer(async (request, response) => {
    peak = Math.max(peak, ++open);
    response.on('close', () => open--);
    const body = await text(request);
    messages.push({ path: request.url!, headers: request.headers as Record<string, string>, body });
    const act = answer(messages.length);
    if (typeof act === 'number') response.writeHead(act).end();
    else if (act !== 'hang') act(response);
    events.emit('message');
  }).listen(0, '127.0.0.1');
  server.on('connection', () => connections++);
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/hook?token=t0ken`,
    messages,
    async got(count) {
      while (messages.length < count) await once(events, 'message', { signal: AbortSignal.timeout(20_000) });
    },
    peak: () => peak,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
