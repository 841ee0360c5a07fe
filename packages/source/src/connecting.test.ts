/** How long everything that connects waits for a connection. */
import { afterAll, beforeAll, it } from 'vitest';
import { type DeafServer, startDeafServer } from '../../../test/support/servers/deaf-server.ts';
import { S3_CREDENTIALS } from '../../../test/support/servers/s3-server.ts';
import { parseAllowEntry } from './address/allow-list.ts';
import { LIMITS } from './conformance/suite.ts';
import { createObjectLister } from './object-lister.ts';
import { createObjectWriter } from './object-writer.ts';
import { createGuardedPoster } from './poster.ts';
import { parseS3Prefix } from './s3/prefixes.ts';
import { createImageSource } from './source.ts';

let deaf: DeafServer;
beforeAll(async () => {
  deaf = await startDeafServer();
});
afterAll(() => deaf[Symbol.asyncDispose]());

const LONG = 60_000;
const CONNECT_MS = 1000;

const allow = () => [parseAllowEntry(deaf.host)!];
const storage = () => ({
  s3: {
    prefixes: [parseS3Prefix('bucket')!],
    endpoint: `http://${deaf.host}`,
    forcePathStyle: true,
    credentials: S3_CREDENTIALS,
  },
  connectMs: CONNECT_MS,
  totalMs: LONG,
});
const source = () =>
  createImageSource({
    limits: { ...LIMITS, connectMs: CONNECT_MS, headersMs: LONG, totalMs: LONG },
    allow: allow(),
    s3: storage().s3,
  });
const output = { url: 's3://bucket/x', overwrite: true, contentType: 'text/plain', mark: 'm' };

/** What connects, and a call of it. */
const CALLS: Record<string, () => [AsyncDisposable, () => Promise<unknown>]> = {
  'a fetch': () => {
    const made = source();
    return [made, () => made.fetch(`http://${deaf.host}/`)];
  },
  'a fetch from a bucket': () => {
    const made = source();
    return [made, () => made.fetch('s3://bucket/x')];
  },
  'a page of a listing': () => {
    const made = createObjectLister(storage());
    return [made, () => made.page('s3://bucket/', [], '', 1)];
  },
  'the output of a batch': () => {
    const made = createObjectWriter(storage());
    return [made, () => made.put(output, Buffer.from('x'))];
  },
  'a webhook': () => {
    const made = createGuardedPoster({ connectMs: CONNECT_MS, totalMs: LONG, allow: allow() });
    return [made, () => made.post(`http://${deaf.host}/`, {}, '{}')];
  },
};

// Concurrent tests have an `expect` each.
it.concurrent.for(Object.keys(CALLS))(
  '%s is source_timeout when no connection is made in the time for that, which the S3 client waits three times',
  async (name, { expect }) => {
    const [made, call] = CALLS[name]!();
    await using _ = made;
    const began = performance.now();
    await expect(call()).rejects.toMatchObject({ code: 'source_timeout' });
    // Ten times the limit would be ten seconds and more.
    expect(performance.now() - began).toBeGreaterThan(CONNECT_MS - 100);
    expect(performance.now() - began).toBeLessThan(9 * CONNECT_MS);
  },
);
