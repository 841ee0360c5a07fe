import { ConfigError, readConfig } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import { Credentials } from './credentials.ts';
import type { S3Prefix } from './s3/prefixes.ts';
import { listerOptions, sourceOptions, sourceVariables, writerOptions } from './variables.ts';

const read = (env: Record<string, string>) => sourceOptions(readConfig(sourceVariables, env));

describe('the settings of image sources', () => {
  it('admit nothing private and no bucket by default', () => {
    expect(read({})).toEqual({
      limits: {
        maxBytes: 20e6,
        connectMs: 3000,
        headersMs: 10_000,
        totalMs: 15_000,
        leastSpeed: { bytes: 20_000, windowMs: 5000 },
        maxRedirects: 5,
      },
      allow: [],
      only: [],
      kinds: ['inline', 'url', 's3'],
      credentials: new Credentials(),
      s3: { prefixes: [], endpoint: undefined, region: undefined, forcePathStyle: false },
    });
  });

  it('are read in their usual forms', () => {
    const { allow, only, s3 } = read({
      SOURCE_ALLOW: 'nas.lan, 10.0.0.0/8,[::1]:9000',
      SOURCE_ONLY: '*:443, .example.org:8443',
      S3_SOURCE_PREFIXES: 'photos, s3://archive/2024/',
      S3_ENDPOINT: 'http://minio:9000',
      S3_REGION: 'eu-central-1',
    });
    expect(allow.map(({ kind, port }) => [kind, port])).toEqual([
      ['host', undefined],
      ['range', undefined],
      ['range', 9000],
    ]);
    expect(only).toEqual([
      { kind: 'domain', domain: '.', port: 443 },
      { kind: 'domain', domain: '.example.org', port: 8443 },
    ]);
    expect(s3).toEqual({
      prefixes: [
        { bucket: 'photos', prefix: '' },
        { bucket: 'archive', prefix: '2024' },
      ],
      endpoint: 'http://minio:9000',
      region: 'eu-central-1',
      forcePathStyle: true,
    });
    expect(read({ S3_ENDPOINT: 'http://minio:9000', S3_FORCE_PATH_STYLE: 'false' }).s3.forcePathStyle).toBe(false);
    expect(read({ S3_FORCE_PATH_STYLE: 'true' }).s3.forcePathStyle).toBe(true);
  });

  it('let listings read where images are read, and outputs be written elsewhere', () => {
    const config = readConfig(sourceVariables, { S3_SOURCE_PREFIXES: 'photos/2024', S3_OUTPUT_PREFIXES: 'results' });
    const where = (options: { s3: { prefixes: readonly S3Prefix[] } }) => options.s3.prefixes;
    expect(where(listerOptions(config))).toEqual([{ bucket: 'photos', prefix: '2024' }]);
    expect(where(sourceOptions(config))).toEqual([{ bucket: 'photos', prefix: '2024' }]);
    expect(where(writerOptions(config))).toEqual([{ bucket: 'results', prefix: '' }]);
    // A part of 8 MiB at 70 kB/s.
    expect(writerOptions(config).totalMs).toBe(120_000);
  });

  it('switch kinds of sources off', () => {
    const config = readConfig(sourceVariables, { SOURCES: 'inline, url' });
    expect([sourceOptions(config).kinds, listerOptions(config).kinds]).toEqual([
      ['inline', 'url'],
      ['inline', 'url'],
    ]);
    for (const SOURCES of ['ftp', 'url,ftp', ','])
      expect(() => readConfig(sourceVariables, { SOURCES })).toThrow(
        /^SOURCES is .*; expected some of inline, url, s3$/,
      );
  });

  it('name the invalid item', () => {
    const bad = () => read({ SOURCE_ALLOW: 'nas.lan,*.lan', S3_SOURCE_PREFIXES: 'a/b', S3_ENDPOINT: 'minio:9000' });
    expect(bad).toThrow(ConfigError);
    expect(bad).toThrow(/SOURCE_ALLOW is .*expected hosts, host:port.*, not \*\.lan/);
    expect(() => read({ SOURCE_ONLY: '*' })).toThrow(/SOURCE_ONLY is "\*"; expected hosts, .* or \*:443, not \*/);
    expect(() => read({ S3_SOURCE_PREFIXES: 'photos/2024/../all' })).toThrow(/S3_SOURCE_PREFIXES is .*expected bucket/);
    expect(bad).toThrow(/S3_SOURCE_PREFIXES is "a\/b"; expected bucket or bucket\/prefix, not a\/b/);
    expect(bad).toThrow(/S3_ENDPOINT is "minio:9000"; expected an http or https URL/);
  });

  it('all have a description', () => {
    for (const [name, variable] of Object.entries(sourceVariables))
      expect(variable.meta()?.description, name).toMatch(/\w/);
  });
});
