import { UsageError } from './usage.ts';

/** The service that is spoken to. */
export interface Target {
  /** Where it is. */
  service: string;
  apiKey: string | undefined;
}

/** How a command line names it, for `parseCommandLine`. */
export const TARGET_FLAGS = { server: { type: 'string' }, 'api-key': { type: 'string' } } as const;

export const TARGET_HELP = `  --server URL           FACEQUEUE_URL unless named, else http://127.0.0.1:8080
  --api-key KEY          FACEQUEUE_API_KEY unless named, which other users of this machine cannot see`;

interface TargetFlags {
  server?: string | undefined;
  'api-key'?: string | undefined;
}

/**
 * @param unless the service when the command line names none
 * @throws UsageError
 */
export function readTarget({ server, 'api-key': apiKey }: TargetFlags, unless: Target): Target {
  if (server !== undefined && !/^https?:$/.test(URL.parse(server)?.protocol ?? ''))
    throw new UsageError(`--server ${server}: expected a URL such as http://127.0.0.1:8080.`);
  return { service: server ?? unless.service, apiKey: apiKey ?? unless.apiKey };
}
