/** A real HTTP server with scripted answers, for faults that a gateway does not produce. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ErrorCode, toProblem } from '@facequeue/schema/errors';

/** A received request. */
export interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Answer = (response: ServerResponse, request: Seen) => void;

export interface ScriptedServer {
  readonly baseUrl: string;
  /** Each request gets the next of these; the last one repeats. */
  answers: Answer[];
  seen: Seen[];
  /** Breaks every connection and stops listening, like a killed process. */
  kill(): Promise<void>;
  /** Listens again on the same port. */
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
 * @param text the part that is sent
 * @param then whether the stream then ends normally, breaks, or stays open
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

/** Allows a retry at once, to keep tests fast. */
export const RETRY_NOW = { 'retry-after': '0' };
