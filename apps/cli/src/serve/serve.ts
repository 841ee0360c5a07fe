import { setTimeout as delay } from 'node:timers/promises';
import type { ServeConfig } from '../config.ts';
import { Interrupts } from '../interrupts.ts';
import { Home, HomeError } from './home.ts';
import { endLeftovers } from './leftovers.ts';
import { privateRedis } from './private-redis.ts';
import { pingRedis, RedisUnusable } from './redis-ping.ts';
import { MOST_DEATHS } from './restart-policy.ts';
import { type ReadyFacts, type ServiceDefinition, type ServiceRun, StartError } from './service.ts';
import { gatewayAndWorker, PROGRAMS, type Programs } from './services.ts';
import { summary } from './summary.ts';
import { Supervisor } from './supervisor.ts';

/** A Redis elsewhere has this long to answer before `serve` gives up. */
const REDIS_TIMEOUT_MS = 3000;
/** A Redis elsewhere that loads its data is waited for. */
const REDIS_LOADING_MS = 60_000;

/** Exit codes: asked to stop; something went wrong; ended by a second Ctrl-C, as shells report SIGINT. */
const [STOPPED, FAILED, KILLED] = [0, 1, 130];

/**
 * Runs Redis, worker and gateway until it is asked to stop (SIGINT, SIGTERM, SIGHUP).
 * @param say takes a line for the person who runs it
 * @returns the exit code
 */
export async function serve(config: ServeConfig, say: (line: string) => void, programs: Programs = PROGRAMS) {
  try {
    using home = new Home(config.FACEQUEUE_HOME);
    const record = home.readRecord();
    if (record) {
      const ended = await endLeftovers(record);
      if (ended.length) say(`Ended what an earlier start had left behind: ${ended.join(', ')}.`);
    }
    const code = await run(home, config, say, programs);
    home.removeRecord();
    return code;
  } catch (error) {
    if (!(error instanceof HomeError || error instanceof RedisUnusable)) throw error;
    say(error.message);
    return FAILED;
  }
}

async function run(home: Home, config: ServeConfig, say: (line: string) => void, programs: Programs): Promise<number> {
  const begun = performance.now();
  const stages: ServiceDefinition[][] = [];
  let redisUrl = config.REDIS_URL;
  if (redisUrl) {
    await redisAnswers(redisUrl);
  } else {
    const redis = await privateRedis(home, config.REDIS_MAXMEMORY, config.environment);
    redisUrl = redis.url;
    stages.push([redis.service]);
  }
  let facts = new Map<string, ReadyFacts>();
  stages.push(gatewayAndWorker(config, redisUrl, programs, () => facts.get('gateway')));

  let code = STOPPED;
  let runs: readonly ServiceRun[] = [];
  const record = () =>
    home.writeRecord({
      url: facts.get('gateway')?.url ?? null,
      services: runs.flatMap((run) => (run.process ? [{ name: run.definition.name, process: run.process }] : [])),
    });
  const supervisor = new Supervisor(stages, {
    changed(current) {
      runs = current;
      record();
    },
    died: (name, how, wait) =>
      say(
        wait === null
          ? `${name} ended: ${how}.`
          : `${name} ended: ${how}. Starting it again in ${(wait / 1000).toFixed(2)} s.`,
      ),
    back: (name) => say(`${name} is back.`),
    refused: say,
    // When something went wrong, that is the last thing to read.
    stopping(name) {
      if (code === STOPPED) say(`Stopping ${name} …`);
    },
  });
  const asked = stopRequests(() => {
    say('Ended at once.');
    supervisor.kill();
  });
  // Whatever ends this process, what it started ends with it, but for SIGKILL: the next start sees to that.
  const last = () => supervisor.kill();
  process.on('exit', last);

  try {
    facts = (await Promise.race([supervisor.start(), asked.stop])) ?? facts;
    const { url } = facts.get('gateway') ?? {};
    if (url) {
      record();
      say(await summary(url, performance.now() - begun, home.folder));
      const reason = await Promise.race([asked.stop, supervisor.gaveUp]);
      if (reason) {
        say(`${reason} ended ${MOST_DEATHS} times within a minute; giving up.`);
        code = FAILED;
      }
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    say(error.message);
    code = FAILED;
  } finally {
    await supervisor.stop();
    process.removeListener('exit', last);
  }
  if (asked.killed) return KILLED;
  if (code === STOPPED) say('Stopped.');
  return code;
}

/** Signals to this process, from now to its end. */
function stopRequests(onKill: () => void) {
  const interrupts = new Interrupts();
  const { promise: stop, resolve } = Promise.withResolvers<void>();
  let killed = false;
  const handle = (signal: NodeJS.Signals) => {
    const action = interrupts.asked(signal, performance.now());
    if (action === 'stop') resolve();
    if (action === 'kill' && !killed) {
      killed = true;
      onKill();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
  return {
    /** Resolves when it is asked to stop. */
    stop,
    get killed() {
      return killed;
    },
  };
}

/** @throws RedisUnusable */
async function redisAnswers(url: string): Promise<void> {
  const deadline = Date.now() + REDIS_LOADING_MS;
  while ((await pingRedis(url, REDIS_TIMEOUT_MS)) === 'loading') {
    if (Date.now() > deadline)
      throw new RedisUnusable(`Redis is still loading its data after ${REDIS_LOADING_MS / 1000} s.`);
    await delay(200);
  }
}
