/** A gateway in this process, over a real Redis. */
import { randomUUID } from 'node:crypto';
import { startGateway } from '@facequeue/api';
import { gatewayVariables } from '@facequeue/api/variables';
import { admissionLimits, type GatewayQueue, openGatewayQueue } from '@facequeue/queue';
import { readConfig } from '@facequeue/schema/config';
import { createLogger } from '@facequeue/service';

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly queue: GatewayQueue;
  /** Redis address and key prefix, for a worker or assertions. */
  readonly redisUrl: string;
  readonly prefix: string;
  /** Log lines so far. */
  readonly lines: Record<string, unknown>[];
  /** Reads API_KEYS_FILE now, as SIGHUP does. */
  reloadKeys(): Promise<void>;
  close(graceMs?: number): Promise<void>;
}

/**
 * @param redisUrl the test file's own Redis; each gateway uses a new key prefix, unless QUEUE_PREFIX is set
 * @param env settings other than the defaults
 */
export async function startTestGateway(redisUrl: string, env: Record<string, string> = {}): Promise<TestGateway> {
  const prefix = env['QUEUE_PREFIX'] ?? `{test-${randomUUID()}}`;
  const config = readConfig(gatewayVariables, { PORT: '0', REDIS_URL: redisUrl, QUEUE_PREFIX: prefix, ...env });
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('gateway', config.LOG_LEVEL, (line) => lines.push(JSON.parse(line)));
  const queue = await openGatewayQueue({
    url: redisUrl,
    prefix,
    limits: admissionLimits(config),
    resultTtlMs: config.RESULT_TTL,
    batchTtlMs: config.BATCH_TTL,
    maxCameras: config.MAX_CAMERAS,
    maxOpenBatches: config.MAX_OPEN_BATCHES,
    onError: () => {},
  });
  const gateway = await startGateway(config, queue, log);
  let closed: Promise<void> | undefined;
  const close = (graceMs = 0) => {
    closed ??= gateway.close(graceMs).then(() => queue.close());
    return closed;
  };
  return {
    url: gateway.url,
    port: Number(new URL(gateway.url).port),
    queue,
    redisUrl,
    prefix,
    lines,
    reloadKeys: () => gateway.reloadKeys(),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

export type GatewayPair = [TestGateway, TestGateway] & AsyncDisposable;

/**
 * Starts two gateways of one installation.
 * @param env settings of both, as for `startTestGateway`
 */
export async function startGatewayPair(redisUrl: string, env: Record<string, string> = {}): Promise<GatewayPair> {
  const first = await startTestGateway(redisUrl, env);
  const second = await startTestGateway(redisUrl, { ...env, QUEUE_PREFIX: first.prefix });
  const close = async () => void (await Promise.all([first.close(), second.close()]));
  return Object.assign([first, second] as [TestGateway, TestGateway], { [Symbol.asyncDispose]: close });
}
