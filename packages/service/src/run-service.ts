import { isFacequeueError } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import { type Logger, openLogger } from './logger.ts';
import { type MisspeltSetting, misspeltMessage } from './misspelt.ts';
import { isSupervised, sendReport } from './report.ts';
import type { LogLevel } from './variables.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const [STOPPED, FAILED] = [0, 1];

/** A started service. */
export interface RunningService {
  /** Sent to the supervisor with the ready report. */
  facts?: Record<string, string>;
  /** What SIGHUP does; without it SIGHUP stops the service. Must not reject. */
  reload?: (() => Promise<void>) | undefined;
  /** Ends in order, within the grace of the configuration. */
  stop(): Promise<void>;
}

/** Describes a service. */
export interface ServiceOptions<Config extends { LOG_LEVEL: LogLevel; SHUTDOWN_GRACE: number }> {
  /** In the log and in messages: gateway, worker. */
  name: string;
  /** @throws ConfigError */
  readConfig(): Config;
  /** Variables of the environment that are nearly settings; each is warned about once. */
  misspelt(): MisspeltSetting[];
  /** Resolves when the service is ready. */
  start(config: Config, log: Logger): Promise<RunningService>;
  /** Further errors of `start` that an operator can act on; their message is shown without a stack. */
  isStartError?(error: Error): boolean;
  /** Exit code after a ConfigError. */
  configExitCode: number;
}

/**
 * Runs a service as this process, from its configuration to its exit. A supervisor that forked the process gets
 * `{type: 'ready', …facts}` or `{type: 'failed', message}`; without a supervisor, the reason for a failed start goes to standard error.
 * SIGTERM and SIGINT stop it in order, a second signal at once; so does SIGHUP for a service that has nothing to reload. Exit codes: 0 stopped by a signal, `configExitCode` for a
 * bad configuration, 1 for anything else.
 * @example
 * await runService({
 *   name: 'worker',
 *   readConfig: workerConfig,
 *   misspelt: () => misspeltSettings(process.env, workerVariables),
 *   configExitCode: 2,
 *   async start(config, log) {
 *     const worker = await startWorker(config, log);
 *     return { stop: () => worker.stop() };
 *   },
 * });
 */
export async function runService<Config extends { LOG_LEVEL: LogLevel; SHUTDOWN_GRACE: number }>(
  options: ServiceOptions<Config>,
): Promise<void> {
  try {
    const config = options.readConfig();
    const log = await openLogger(options.name, config.LOG_LEVEL);
    for (const { name, meant } of options.misspelt())
      log.warn({ setting: name, meant }, misspeltMessage({ name, meant }));
    let service: RunningService | undefined;
    const reloads = (signal: string) => {
      if (signal !== 'SIGHUP' || !service?.reload) return false;
      void service.reload();
      return true;
    };
    onFirstSignal(reloads, async (signal) => {
      log.info({ signal, grace_ms: config.SHUTDOWN_GRACE }, 'stopping');
      try {
        await service?.stop();
      } catch (error) {
        log.error({ err: error }, 'cannot stop in order');
        process.exit(FAILED);
      }
      log.info('stopped');
      process.exit(STOPPED);
    });
    service = await options.start(config, log);
    await sendReport({ type: 'ready', ...service.facts });
  } catch (error) {
    await fail(options, error);
  }
}

/**
 * A second signal ends the process at once.
 * @param reloads whether a signal only reloads something; then it does
 */
function onFirstSignal(reloads: (signal: string) => boolean, stop: (signal: string) => Promise<void>): void {
  let stopping = false;
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (!stopping && reloads(signal)) return;
      if (stopping) process.exit(FAILED);
      stopping = true;
      void stop(signal);
    });
  }
}

async function fail(
  { name, misspelt, isStartError, configExitCode }: Omit<ServiceOptions<never>, 'readConfig' | 'start'>,
  error: unknown,
): Promise<never> {
  const isConfigError = error instanceof ConfigError;
  const hints = isConfigError ? misspelt().map((setting) => `\n${misspeltMessage(setting)}`) : [];
  const message = startError(error, isStartError) + hints.join('');
  if (!isSupervised()) console.error(`The ${name} cannot start: ${message}`);
  await sendReport({ type: 'failed', message });
  process.exit(isConfigError ? configExitCode : FAILED);
}

/** An error that an operator can act on becomes its message; any other error keeps its stack. */
function startError(error: unknown, isStartError: (error: Error) => boolean = () => false): string {
  if (!(error instanceof Error)) return String(error);
  const explained =
    error instanceof ConfigError || isFacequeueError(error) || 'syscall' in error || isStartError(error);
  return explained ? error.message : (error.stack ?? error.message);
}
