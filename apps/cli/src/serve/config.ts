/** The settings of `serve`, passed on to the small process as which it continues (small-process.ts). */
import type { ServeConfig } from '../config.ts';

/** As passed on. Others can read the arguments of a process, so the address of a Redis, which may contain a password, is left out. */
type PassedConfig = Omit<ServeConfig, 'REDIS_URL' | 'environment'> & { ownRedis: boolean };

/** The settings as one argument. */
export function configArgument({ REDIS_URL, environment: _, ...rest }: ServeConfig): string {
  return JSON.stringify({ ...rest, ownRedis: !REDIS_URL } satisfies PassedConfig);
}

/** The settings of an argument. With a Redis of others they are read again, by the module that checks them and is large. */
export async function passedConfig(argument: string): Promise<ServeConfig> {
  const { ownRedis, ...rest } = JSON.parse(argument) as PassedConfig;
  if (!ownRedis) return (await import('../config.ts')).serveConfig();
  return { ...rest, environment: { ...process.env } };
}
