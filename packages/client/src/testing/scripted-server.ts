/** A real HTTP server that answers as it is told, for what no well-behaved gateway does. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ErrorCode, toProblem } from '@facequeue/schema/errors';

/** A request that has come. */
export interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Answer = (response: ServerResponse, request: Seen) => void;

export interface ScriptedServer {
  readonly baseUrl: string;
  /** The next of these goes to each request, the last one for good. */
  answers: Answer[];
  seen: Seen[];
  /** Breaks every connection and listens no more, as a process that is killed. */
  kill(): Promise<void>;
  /** Listens again at the same place. */
  restart(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = Buffer.concat(await request.toArray());
    const seen = { method, url, headers, body };
    scripted.seen.push(seen);
    const { answers } = scripted;
    (answers.length > 1 ? answers.shift() : answers[0])?.(response, seen);
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const scripted: ScriptedServer = {
    baseUrl: `http://127.0.0.1:${port}`,
    answers: [],
    seen: [],
    async kill() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    restart: () => listen(port),
  };
  return scripted;
}

export const json =
  (value: unknown, headers: Record<string, string> = {}, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

export const problem = (code: ErrorCode, headers: Record<string, string> = {}, jobId?: string): Answer => {
  const body = toProblem(code, `why ${code}`, jobId);
  return json(body, { 'content-type': 'application/problem+json', ...headers }, body.status);
};

export const plain =
  (status: number, text: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(text);

/**
 * A stream of server-sent events.
 * @param text what of it is sent
 * @param then whether it ends well after that, breaks, or stays open
 */
export const stream =
  (text: string, then: 'end' | 'break' | 'stay'): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text, () => {
      if (then === 'end') response.end();
      if (then === 'break') response.socket?.destroy();
    });
  };

/** Breaks the connection instead of answering. */
export const disconnect: Answer = (response) => void response.socket!.destroy();

/** Says that it may be asked again right away, so that no test waits. */
export const RETRY_NOW = { 'retry-after': '0' };
