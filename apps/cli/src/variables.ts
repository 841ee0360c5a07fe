import { byteSize } from '@facequeue/schema/config';
import { API_KEYS_FILE } from '@facequeue/schema/keys-file';
import { commonVariables } from '@facequeue/service/variables';
import { z } from 'zod';

/** The environment variables that `serve` itself reads. The gateway and the worker read theirs from the same environment. */
export const serveVariables = {
  FACEQUEUE_HOME: z.string().optional().meta({
    default: '.facequeue',
    description:
      'Private folder of `serve`: the data of its Redis, kept between starts, and what the next start needs to clean up after a crash. One `serve` a folder. Unset: `.facequeue` in the repository.',
  }),
  REDIS_URL: commonVariables.REDIS_URL,
  SHUTDOWN_GRACE: commonVariables.SHUTDOWN_GRACE,
  REDIS_MAXMEMORY: byteSize('2gb', { min: '10mb', max: '1tb', zero: 'no limit' }).meta({
    description:
      'Memory limit of the private Redis. Nothing is evicted: when it is full, new jobs are refused. Its append-only file needs about three times as much disk.',
  }),
};

/** The environment variables of the commands that call a running service. */
export const callerVariables = {
  FACEQUEUE_URL: z
    .url({ protocol: /^https?$/, error: 'a URL such as http://127.0.0.1:8080' })
    .default('http://127.0.0.1:8080')
    .meta({
      default: 'http://127.0.0.1:8080',
      description: 'URL of the service that `facequeue jobs`, `ingest` and `watch` call, with its `BASE_PATH`.',
    }),
  FACEQUEUE_API_KEY: z.string().optional().meta({
    secret: true,
    description: 'The API key with which `facequeue jobs`, `ingest`, `watch` and `eval` call the service.',
  }),
};

/** The environment variables of `facequeue keys`. */
export const keysVariables = { API_KEYS_FILE };
