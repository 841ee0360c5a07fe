import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Registry, startProcessFigures } from '@facequeue/metrics';
import type { GatewayQueue } from '@facequeue/queue';
import { MAX_WAIT_S } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { createApp } from './app.ts';
import { BodyMemory } from './body/body-memory.ts';
import { bodyCap } from './body/size.ts';
import { createHttpServer } from './http/server.ts';
import { Shutdown } from './http/shutdown.ts';
import { gatewayReader } from './system/gateway-metrics.ts';
import { installationReader } from './system/installation-metrics.ts';
import type { GatewayConfig } from './variables.ts';

/** A gateway that listens. */
export interface Gateway {
  /** Where it is reached from this machine, BASE_PATH included. */
  readonly url: string;
  /** Takes nothing new, lets calls in flight end within `graceMs`, then answers them 504 and resolves. The queue stays open. */
  close(graceMs: number): Promise<void>;
}

/** After the grace, how long the last answers may take to leave, ms. */
const LAST_ANSWERS_MS = 1000;

/**
 * Starts the HTTP side over a queue.
 * @throws ConfigError when the configuration cannot be served, or the port is taken
 */
export async function startGateway(config: GatewayConfig, queue: GatewayQueue, log: Logger): Promise<Gateway> {
  const largest = bodyCap('json', config.MAX_IMAGE_BYTES);
  if (config.MAX_INFLIGHT_BODY_BYTES < largest) {
    throw new ConfigError(
      `MAX_INFLIGHT_BODY_BYTES is ${config.MAX_INFLIGHT_BODY_BYTES}; expected at least ${largest}, one body of MAX_IMAGE_BYTES in base64`,
    );
  }
  const shutdown = new Shutdown();
  const bodyMemory = new BodyMemory(config.MAX_INFLIGHT_BODY_BYTES);
  const metrics = new Registry('gateway');
  metrics.read(gatewayReader(queue, bodyMemory, manifest.version));
  metrics.read(installationReader(queue));
  const app = createApp({ config, queue, bodyMemory, shutdown, log, metrics, version: manifest.version });
  const times = {
    headerTimeoutMs: config.HEADER_TIMEOUT,
    longestQuietMs: Math.max(config.SYNC_WAIT, config.BODY_TIMEOUT, MAX_WAIT_S * 1000),
  };
  const server = createHttpServer(app, times, log, (code) => metrics.count('facequeue_http_errors_total', { code }));

  server.listen(config.PORT, config.HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, config);
  }
  const { port } = server.address() as AddressInfo;
  const figures = startProcessFigures(metrics);

  return {
    url: `http://${reachableHost(config.HOST)}:${port}${config.BASE_PATH}`,
    async close(graceMs) {
      shutdown.begin();
      // Idle connections end at once, each other one when its answer is out.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const expire = setTimeout(() => shutdown.endGrace(), graceMs);
      const cut = setTimeout(() => server.closeAllConnections(), graceMs + LAST_ANSWERS_MS);
      await closed;
      clearTimeout(expire);
      clearTimeout(cut);
      figures[Symbol.dispose]();
    },
  };
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function listenError(error: NodeJS.ErrnoException, { HOST, PORT }: GatewayConfig): Error {
  if (error.code === 'EADDRINUSE') {
    return new ConfigError(
      `port ${PORT} on ${HOST} is taken by another program; stop that one, or set PORT to another port (0 takes a free one)`,
    );
  }
  if (error.code === 'EACCES') return new ConfigError(`port ${PORT} needs more rights; set PORT to 1024 or above`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ConfigError(`HOST is ${JSON.stringify(HOST)}, which is no address of this machine`);
  }
  return error;
}
