/** Settings that the gateway, the worker and `serve` read alike. Without pino, so that a command can import them alone. */
import { duration } from '@facequeue/schema/config';
import { z } from 'zod';

/** From least to most output. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

function hasDecodableCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** The environment variables of every process of an installation. */
export const commonVariables = {
  REDIS_URL: z
    .string()
    // A URL parser would take the rest for a fragment and part of the password for the host. This check must refuse the value
    // before any library prints what it made of it.
    .refine((text) => !text.includes('#'), {
      error: 'an address without "#"; write a "#" in the user name or password as %23',
      abort: true,
    })
    .pipe(
      z.url({
        protocol: /^rediss?$/,
        error: 'an address such as redis://127.0.0.1:6379 or rediss://user:password@host:6380',
        abort: true,
      }),
    )
    .refine(
      hasDecodableCredentials,
      'an address whose user name and password are percent-encoded; write a "%" in them as %25',
    )
    .optional()
    .meta({
      secret: true,
      description:
        'Redis 6.2 or newer, `redis://` or `rediss://`; special characters in a user name or password are percent-encoded, `#` as `%23`. Unset: `serve` runs a private one, reachable from this machine only.',
    }),
  SHUTDOWN_GRACE: duration('20s', { min: '0s', max: '1d' }).meta({
    description:
      'How long work in progress may continue after SIGTERM, SIGINT or SIGHUP. Then calls are answered (504 with the `Location` of their job) and jobs go back to their queue.',
  }),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: 'silent, fatal, error, warn, info, debug or trace' }).default('info').meta({
    default: 'info',
    description:
      'Least severe log lines that are written. The gateway writes a line a request at `info`, the worker one a job at `debug`. JSON, or readable lines where standard output is a terminal.',
  }),
};
