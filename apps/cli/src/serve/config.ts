/** Passes the settings of `serve` to the small process that it continues as (small-process.ts). */
import type { ServeConfig } from '../config.ts';

/** The settings that are passed. Other users can read the arguments of a process, so the address of Redis, which may contain a password, is left out. */
type PassedConfig = Omit<ServeConfig, 'REDIS_URL' | 'environment'> & { ownRedis: boolean };

/** The settings as one argument. */
export function configArgument({ REDIS_URL, environment: _, ...rest }: ServeConfig): string {
  return JSON.stringify({ ...rest, ownRedis: !REDIS_URL } satisfies PassedConfig);
}

/**
 * The settings that `configArgument` put into an argument. With a `REDIS_URL` they are read again from the environment, although the module that
 * does so is large.
 */
export async function passedConfig(argument: string): Promise<ServeConfig> {
  const { ownRedis, ...rest } = JSON.parse(argument) as PassedConfig;
  if (!ownRedis) return (await import('../config.ts')).serveConfig();
  return { ...rest, environment: { ...process.env } };
}
