import type { Client, ClientOptions } from '@facequeue/client';
import { type Command, InvalidArgumentError } from 'commander';
import { callerConfig } from '../config.ts';

/** The service that a command calls. */
export interface Target {
  /** Its URL. */
  service: string;
  apiKey: string | undefined;
}

/** Values of the server options, as commander returns them. */
export interface ServerFlags {
  server?: string;
  apiKey?: string;
}

/** Adds the options that say which service to call, the same for every command. */
export function addServerOptions(command: Command): Command {
  return command
    .optionsGroup('Service:')
    .option('--server <URL>', 'default: FACEQUEUE_URL, else http://127.0.0.1:8080', readUrl)
    .option('--api-key <KEY>', 'default: FACEQUEUE_API_KEY, which other users of this machine cannot read');
}

/**
 * The options of the command line, else the settings of the environment.
 * @throws ConfigError naming every bad variable
 */
export function readTarget({ server, apiKey }: ServerFlags): Target {
  const { FACEQUEUE_URL, FACEQUEUE_API_KEY } = callerConfig();
  return { service: server ?? FACEQUEUE_URL, apiKey: apiKey ?? FACEQUEUE_API_KEY };
}

/** A client for the service; its library is loaded here. */
export async function openClient(
  { service: baseUrl, apiKey }: Target,
  options: Omit<ClientOptions, 'baseUrl' | 'apiKey'> = {},
): Promise<Client> {
  const { createClient } = await import('@facequeue/client');
  return createClient({ ...options, baseUrl, ...(apiKey !== undefined && { apiKey }) });
}

function readUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:8080.');
}
