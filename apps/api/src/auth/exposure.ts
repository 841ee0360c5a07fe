/** Who can reach a gateway without API keys. */
import { isIPv4 } from 'node:net';
import { ConfigError } from '@facequeue/schema/config';

/**
 * True for names and addresses that only this machine can reach.
 * @param host IPv6 addresses may have brackets
 */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIPv4(name)) return name.startsWith('127.');
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1';
}

/** Whether callers need an API key. */
export const needsKey = (config: KeySettings) => config.API_KEYS.length > 0 || config.API_KEYS_FILE !== undefined;

interface KeySettings {
  API_KEYS: readonly unknown[];
  API_KEYS_FILE?: string | undefined;
}

/**
 * Whether only this machine can call: requests must name it in `Host` and `Origin`.
 * @throws ConfigError when everybody on the network could call and ALLOW_OPEN does not say that this is intended
 */
export function needsLocalCallers(config: KeySettings & { HOST: string; ALLOW_OPEN: boolean }) {
  if (needsKey(config) || config.ALLOW_OPEN) return false;
  if (isLoopback(config.HOST)) return true;
  throw new ConfigError(
    `HOST is ${JSON.stringify(config.HOST)}, which other machines can reach, and there are no API keys; ` +
      'set API_KEYS or API_KEYS_FILE, or ALLOW_OPEN=true to let everybody call, or HOST=127.0.0.1',
  );
}

/** Whether any web page can call by way of a visitor who reaches the gateway. */
export function isOpenToPages(config: Parameters<typeof needsLocalCallers>[0] & { ALLOWED_HOSTS: unknown }): boolean {
  return config.ALLOWED_HOSTS === null && !needsKey(config) && !needsLocalCallers(config);
}
