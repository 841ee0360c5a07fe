import { sleep } from '@facequeue/time';
import type { ServeConfig } from '../config.ts';
import { INTERRUPTED } from '../interruption.ts';
import { Interrupts } from '../interrupts.ts';
import type { Output } from '../output.ts';
import { Home, HomeError } from './home.ts';
import { endLeftovers } from './leftovers.ts';
import { privateRedis } from './private-redis.ts';
import { pingRedis, RedisUnusable } from './redis-ping.ts';
import { MAX_EXITS } from './restart-policy.ts';
import { type ReadyFacts, type ServiceDefinition, type ServiceRun, StartError } from './service.ts';
import { gatewayAndWorker, PROGRAMS, type Programs } from './services.ts';
import { summary } from './summary.ts';
import { Supervisor } from './supervisor.ts';

/** Time limit for a reply of the Redis of REDIS_URL, ms. */
const REDIS_TIMEOUT_MS = 3000;
/** Time limit for that Redis to load its data, ms. */
const REDIS_LOADING_MS = 60_000;

/** Exit codes, beside INTERRUPTED for a second Ctrl-C. */
const [STOPPED, FAILED] = [0, 1];

/**
 * Runs Redis, worker and gateway until SIGINT, SIGTERM or SIGHUP.
 * @param programs the programs of the gateway and the worker; others only in tests
 * @returns the exit code
 */
export async function serve(
  config: ServeConfig,
  output: Pick<Output, 'stderr'>,
  programs: Programs = PROGRAMS,
): Promise<number> {
  try {
    using home = new Home(config.FACEQUEUE_HOME);
    const record = home.readRecord();
    if (record) {
      const ended = await endLeftovers(record);
      if (ended.length) output.stderr(`Stopped what an earlier start had left running: ${ended.join(', ')}.`);
    }
    const code = await run(home, config, output, programs);
    home.removeRecord();
    return code;
  } catch (error) {
    if (!(error instanceof HomeError || error instanceof RedisUnusable)) throw error;
    output.stderr(error.message);
    return FAILED;
  }
}

async function run(
  home: Home,
  config: ServeConfig,
  { stderr }: Pick<Output, 'stderr'>,
  programs: Programs,
): Promise<number> {
  const startedAt = performance.now();
  const stages: ServiceDefinition[][] = [];
  await using owned = new AsyncDisposableStack();
  let redisUrl = config.REDIS_URL;
  if (redisUrl) {
    await untilRedisReplies(redisUrl);
  } else {
    const redis = await privateRedis(home, config.REDIS_MAXMEMORY, config.environment);
    redisUrl = redis.url;
    stages.push([redis.service]);
  }
  let facts = new Map<string, ReadyFacts>();
  stages.push(gatewayAndWorker(config, redisUrl, programs, () => facts.get('gateway')));

  let code = STOPPED;
  const killed: string[] = [];
  let runs: readonly ServiceRun[] = [];
  const writeRecord = () =>
    home.writeRecord({
      url: facts.get('gateway')?.url ?? null,
      services: runs.flatMap((run) => (run.process ? [{ name: run.definition.name, process: run.process }] : [])),
    });
  const supervisor = new Supervisor(stages, {
    changed(current) {
      runs = current;
      writeRecord();
    },
    exited: (name, how, wait) =>
      stderr(
        wait === null
          ? `${name} ended: ${how}.`
          : `${name} ended: ${how}. Starting it again in ${(wait / 1000).toFixed(2)} s.`,
      ),
    restarted: (name) => stderr(`${name} is ready again.`),
    restartFailed: stderr,
    // After a failure, the reason stays the last line; after a second Ctrl-C, that everything was killed.
    stopping(name) {
      if (code === STOPPED && !stopRequest.killed) stderr(`Stopping ${name} …`);
    },
    killed(name, graceMs) {
      killed.push(name);
      stderr(`${name} did not end within ${graceMs / 1000} s and was killed.`);
    },
  });
  const stopRequest = listenForStop(() => {
    stderr('Killed everything.');
    supervisor.kill();
  });
  // However this process exits, its services end with it. Only SIGKILL leaves them running, for the next start to stop.
  const killAll = () => supervisor.kill();
  process.on('exit', killAll);

  try {
    facts = (await Promise.race([supervisor.start(), stopRequest.stop])) ?? facts;
    const { url } = facts.get('gateway') ?? {};
    if (url) {
      writeRecord();
      if (!config.REDIS_URL) owned.use(await rewriteLog(redisUrl, config, stderr));
      stderr(await summary(url, performance.now() - startedAt, home.folder));
      const exhausted = await Promise.race([stopRequest.stop, supervisor.restartsExhausted]);
      if (exhausted) {
        stderr(`${exhausted} ended ${MAX_EXITS} times within a minute; stopping everything.`);
        code = FAILED;
      }
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    stderr(error.message);
    code = FAILED;
  } finally {
    await owned.disposeAsync();
    await supervisor.stop();
    process.removeListener('exit', killAll);
  }
  if (stopRequest.killed) return INTERRUPTED;
  if (code === STOPPED) stderr(killed.length ? `Stopped; killed: ${killed.join(', ')}.` : 'Stopped.');
  return killed.length ? FAILED : code;
}

/** Keeps erased images and results out of the files of the private Redis. */
async function rewriteLog(url: string, config: ServeConfig, stderr: Output['stderr']): Promise<AsyncDisposable> {
  const { openLogRewriter } = await import('@facequeue/queue/log-rewriter');
  return openLogRewriter({
    url,
    prefix: config.QUEUE_PREFIX,
    onError: ({ message }) => stderr(`Redis: ${message}`),
  });
}

/** Listens for signals to the end of this process. */
function listenForStop(onKill: () => void) {
  const interrupts = new Interrupts();
  const { promise: stop, resolve } = Promise.withResolvers<void>();
  let killed = false;
  const handle = (signal: NodeJS.Signals) => {
    const action = interrupts.onSignal(signal, performance.now());
    if (action === 'stop') resolve();
    if (action === 'kill' && !killed) {
      killed = true;
      onKill();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
  return {
    /** Resolves on the first signal. */
    stop,
    get killed() {
      return killed;
    },
  };
}

/** @throws RedisUnusable */
async function untilRedisReplies(url: string): Promise<void> {
  const deadline = Date.now() + REDIS_LOADING_MS;
  while ((await pingRedis(url, REDIS_TIMEOUT_MS)) === 'loading') {
    if (Date.now() > deadline)
      throw new RedisUnusable(`Redis is still loading its data after ${REDIS_LOADING_MS / 1000} s.`);
    await sleep(200);
  }
}
