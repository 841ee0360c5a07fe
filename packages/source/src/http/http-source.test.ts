import { parseAllowEntry } from '../address/allow-list.ts';
import { selfSigned } from '../conformance/self-signed.ts';
import { startBehavingServer } from '../conformance/server.ts';
import { describeSource, type Subject } from '../conformance/suite.ts';
import { createImageSource } from '../source.ts';

async function overHttp(tls?: { key: string; cert: string }): Promise<Subject> {
  const server = await startBehavingServer(tls);
  return {
    open: (behaviour, limits) => ({
      source: createImageSource({
        limits,
        allow: [parseAllowEntry(server.host)!],
        s3: { prefixes: [], forcePathStyle: false },
        ca: tls?.cert,
      }),
      url: `${tls ? 'https' : 'http'}://${server.host}/images/${behaviour}`,
    }),
    requested: server.requested,
    ended: server.ended,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describeSource('http', () => overHttp());
describeSource('https', () => overHttp(selfSigned('photos.test')));
