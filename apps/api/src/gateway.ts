import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { openFilesLimit, Registry, startProcessFigures } from '@facequeue/metrics';
import type { GatewayQueue } from '@facequeue/queue';
import { type ErrorCode, MAX_WAIT_S } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import type { Logger } from '@facequeue/service';
import { startTimer } from '@facequeue/time';
import manifest from '../package.json' with { type: 'json' };
import { FlowPlaces } from './admission/flow-places.ts';
import { limitConnections } from './admission/limit-connections.ts';
import { createApp } from './app.ts';
import { Authenticator } from './auth/authenticator.ts';
import { isOpenToPages } from './auth/exposure.ts';
import { bodyCap } from './body/body-cap.ts';
import { BodyMemory } from './body/body-memory.ts';
import { createHttpServer } from './http/server.ts';
import { Shutdown } from './http/shutdown.ts';
import { gatewayReader } from './system/gateway-metrics.ts';
import { installationReader } from './system/installation-metrics.ts';
import type { GatewayConfig } from './variables.ts';

/** A listening gateway. */
export interface Gateway {
  /** Its address on this machine, including BASE_PATH. */
  readonly url: string;
  /** Reads API_KEYS_FILE again; when it cannot be used, the log says so and the keys stay. */
  reloadKeys(): Promise<void>;
  /**
   * Accepts no new connections and lets calls in flight end within `graceMs`; then it answers them 504. Resolves when all connections
   * are closed. The queue stays open.
   */
  close(graceMs: number): Promise<void>;
}

/** Open files that connections leave for everything else: Redis, logs, the keys file. */
const OTHER_FILES = 128;

/** After the grace period, how long the last answers may take to be sent, ms. */
const LAST_ANSWERS_MS = 1000;

/**
 * Starts the HTTP server.
 * @param queue stays open when the gateway closes
 * @throws ConfigError when the configuration is inconsistent, API_KEYS_FILE cannot be used, or the port or address cannot be used
 * @example
 * const queue = await openGatewayQueue(queueOptions(config, onError));
 * const gateway = await startGateway(config, queue, log);
 * …
 * await gateway.close(20_000);
 * await queue.close();
 */
export async function startGateway(config: GatewayConfig, queue: GatewayQueue, log: Logger): Promise<Gateway> {
  const largestBody = bodyCap('json', config.MAX_IMAGE_BYTES);
  if (config.MAX_INFLIGHT_BODY_BYTES < largestBody) {
    throw new ConfigError(
      `MAX_INFLIGHT_BODY_BYTES is ${config.MAX_INFLIGHT_BODY_BYTES}; expected at least ${largestBody}, one body of MAX_IMAGE_BYTES in base64`,
    );
  }
  // Should the start fail, the file is no longer watched.
  using starting = new DisposableStack();
  const setWeights = (weights: ReadonlyMap<string, number>) => queue.weights.set(weights);
  const authenticator = starting.use(await Authenticator.open(config, log, setWeights));
  const shutdown = new Shutdown();
  const bodyMemory = new BodyMemory(config.MAX_INFLIGHT_BODY_BYTES);
  const metrics = new Registry('gateway');
  metrics.read(gatewayReader(queue, bodyMemory, manifest.version));
  metrics.read(installationReader(queue));
  const app = createApp({
    config,
    queue,
    authenticator,
    bodyMemory,
    streams: new FlowPlaces({ limit: config.MAX_STREAMS, what: 'streams open', reason: 'streams' }),
    openWaits: new FlowPlaces({ limit: config.MAX_OPEN_WAITS, what: 'waiting calls', reason: 'open_waits' }),
    shutdown,
    log,
    metrics,
    version: manifest.version,
  });
  if (isOpenToPages(config)) {
    log.warn(
      'everybody who reaches this port may call, and so may any web page that one of them opens (DNS rebinding): set API_KEYS or ALLOWED_HOSTS',
    );
  }
  const timeouts = {
    headerTimeoutMs: config.HEADER_TIMEOUT,
    maxIdleMs: Math.max(config.SYNC_WAIT, config.BODY_TIMEOUT, MAX_WAIT_S * 1000),
  };
  const countError = (code: ErrorCode) => metrics.count('facequeue_http_errors_total', { code });
  const server = createHttpServer(app, timeouts, log, countError);
  limitConnections(server, connectionLimits(config), (code) => {
    countError(code);
    if (code === 'queue_full') metrics.count('facequeue_refused_total', { reason: 'connections' });
  });

  server.listen(config.PORT, config.HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, config);
  }
  const { port } = server.address() as AddressInfo;
  starting.use(startProcessFigures(metrics));
  const running = starting.move();

  return {
    url: `http://${reachableHost(config.HOST)}:${port}${config.BASE_PATH}`,
    reloadKeys: () => authenticator.reload(),
    async close(graceMs) {
      shutdown.begin();
      // Idle connections close at once, the others after their answers.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      using _grace = startTimer(graceMs, () => shutdown.endGrace());
      using _cut = startTimer(graceMs + LAST_ANSWERS_MS, () => server.closeAllConnections());
      await closed;
      running.dispose();
    },
  };
}

function connectionLimits({ MAX_CONNECTIONS, MAX_NEW_CONNECTIONS, TRUST_PROXY }: GatewayConfig) {
  const files = openFilesLimit() ?? Number.POSITIVE_INFINITY;
  return {
    all: Math.min(MAX_CONNECTIONS, Math.max(1, files - OTHER_FILES)),
    withoutRequest: MAX_NEW_CONNECTIONS,
    byAddress: TRUST_PROXY === 0,
  };
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function listenError(error: NodeJS.ErrnoException, { HOST, PORT }: GatewayConfig): Error {
  if (error.code === 'EADDRINUSE') {
    return new ConfigError(
      `port ${PORT} on ${HOST} is taken by another program; stop it, or set PORT to another port (0 picks a free one)`,
    );
  }
  if (error.code === 'EACCES') return new ConfigError(`port ${PORT} needs more privileges; set PORT to 1024 or above`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ConfigError(`HOST is ${JSON.stringify(HOST)}, which is not an address of this machine`);
  }
  return error;
}
