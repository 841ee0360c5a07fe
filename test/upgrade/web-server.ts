import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A server outside the installation: it serves an image and receives webhooks. */
export interface WebServer extends AsyncDisposable {
  /** What gateways and workers need to reach it. */
  readonly settings: Record<string, string>;
  readonly imageUrl: string;
  readonly webhookUrl: string;
  /** Bodies of webhooks by their `webhook-id`; the same id comes again when a delivery is repeated. */
  readonly webhooks: ReadonlyMap<string, string>;
}

export async function startWebServer(image: Uint8Array): Promise<WebServer> {
  const webhooks = new Map<string, string>();
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image);
    webhooks.set(String(request.headers['webhook-id']), await text(request));
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    settings: { SOURCE_ALLOW: host, WEBHOOK_SECRETS: `whsec_${Buffer.alloc(32).toString('base64')}` },
    imageUrl: `http://${host}/portrait.jpg`,
    webhookUrl: `http://${host}/hook`,
    webhooks,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
