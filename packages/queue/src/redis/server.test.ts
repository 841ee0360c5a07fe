import { ConfigError } from '@facequeue/schema/config';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { checkServer } from './server.ts';

const server = (version: string, policy = 'noeviction') => {
  const info = `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
  return { info: async () => info } as unknown as Redis;
};

describe('a Redis server', () => {
  it.each(['6.2.0', '6.2', '6.10.1', '7.0.15', '10.0.0'])('of version %s is accepted', async (version) => {
    await checkServer(server(version));
  });

  it.each(['6.1.9', '6.0', '5.9.9', '2.8', ''])(
    'of version "%s" is refused, with the version expected',
    async (version) => {
      const checked = checkServer(server(version));
      await expect(checked).rejects.toThrow(ConfigError);
      await expect(checked).rejects.toThrow(`Redis is ${version}; expected 6.2 or newer`);
    },
  );

  it.each(['volatile-lru', 'volatile-ttl'])(
    'that would evict only keys with a time to live is accepted: %s',
    async (policy) => {
      await checkServer(server('7.0.0', policy));
    },
  );

  it.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random'])(
    'that would evict any key is refused: %s',
    async (policy) => {
      const checked = checkServer(server('7.0.0', policy));
      await expect(checked).rejects.toThrow(ConfigError);
      await expect(checked).rejects.toThrow(
        `Redis has maxmemory-policy ${policy}, which drops jobs; expected noeviction`,
      );
    },
  );
});
