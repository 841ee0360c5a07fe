/**
 * A real S3 server behind a proxy that adds what the server lacks: the condition `If-None-Match`, listed uploads, and injected
 * failures.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { startFauxqs } from 'fauxqs';

export const S3_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** The operation of a request, in S3's terms. */
export type Operation = 'list' | 'get' | 'head' | 'put' | 'begin' | 'part' | 'complete' | 'abort' | 'other';

/** A request as the proxy receives it. */
export interface S3Request {
  operation: Operation;
  bucket: string;
  key: string;
  query: URLSearchParams;
}

/** What to do with a request: serve it (undefined), refuse it with an S3 code and status, or never answer. */
export type Interference = readonly [status: number, code: string] | 'hang' | undefined;

export interface TestS3 extends AsyncDisposable {
  readonly endpoint: string;
  /** Settings of a gateway or worker that uses it. */
  readonly env: Record<string, string>;
  /** Requests so far, except those of this helper. */
  readonly requests: readonly S3Request[];
  /** Uploads begun and neither completed nor aborted. */
  readonly uploads: ReadonlySet<string>;
  /** Called before each request is served; may wait. */
  interfere(how: (request: S3Request) => Interference | Promise<Interference>): void;
  createBucket(name: string): Promise<void>;
  put(bucket: string, key: string, body: Uint8Array | string): Promise<void>;
  /** Text of an object, null when there is none. */
  text(bucket: string, key: string): Promise<string | null>;
  stop(): Promise<void>;
}

/**
 * @param conditions whether it supports `If-None-Match`: `refused` answers 501, `ignored` ignores it
 * @param encodes whether it supports `EncodingType` in listings
 */
export async function startS3({
  conditions = 'known' as 'known' | 'refused' | 'ignored',
  encodes = true,
} = {}): Promise<TestS3> {
  const server = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' });
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: S3_CREDENTIALS,
  });
  const requests: S3Request[] = [];
  const uploads = new Set<string>();
  let interfere: (request: S3Request) => Interference | Promise<Interference> = () => undefined;

  const there = (bucket: string, key: string) =>
    client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
      () => true,
      () => false,
    );

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const one = readRequest(incoming);
    requests.push(one);
    const interference = await interfere(one);
    if (interference === 'hang') return;
    if (interference) return refuse(response, ...interference);
    if (incoming.headers['if-none-match'] === '*' && conditions !== 'ignored') {
      if (conditions === 'refused') return refuse(response, 501, 'NotImplemented');
      if (await there(one.bucket, one.key)) return refuse(response, 412, 'PreconditionFailed');
    }
    const { 'if-none-match': _, ...headers } = incoming.headers;
    const onward = request({
      port: server.port,
      host: '127.0.0.1',
      path: incoming.url,
      method: incoming.method,
      headers,
    });
    incoming.pipe(onward);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    let body: Buffer = Buffer.concat(chunks);
    if (one.query.get('encoding-type') === 'url' && encodes) body = withEncodedKeys(body);
    if (answer.statusCode! < 300) {
      if (one.operation === 'begin') uploads.add(/<UploadId>([^<]+)</.exec(body.toString())![1]!);
      if (one.operation === 'complete' || one.operation === 'abort') uploads.delete(one.query.get('uploadId')!);
    }
    response.writeHead(answer.statusCode!, { ...answer.headers, 'content-length': body.length }).end(body);
  };
  const front = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

  const stop = async () => {
    front.closeAllConnections();
    front.close();
    client.destroy();
    await server.stop();
  };
  return {
    endpoint,
    env: {
      S3_ENDPOINT: endpoint,
      AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    },
    requests,
    uploads,
    interfere: (how) => {
      interfere = how;
    },
    createBucket: async (name) => void (await client.send(new CreateBucketCommand({ Bucket: name }))),
    put: async (Bucket, Key, Body) => void (await client.send(new PutObjectCommand({ Bucket, Key, Body }))),
    async text(Bucket, Key) {
      if (!(await there(Bucket, Key))) return null;
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return await Body!.transformToString();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function readRequest({ method, url }: IncomingMessage): S3Request {
  const at = url!.indexOf('?');
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(at < 0 ? url! : url!.slice(0, at))!;
  const query = new URLSearchParams(at < 0 ? '' : url!.slice(at + 1));
  const operation = operationOf(method!, key, query);
  return { operation, bucket, key: decodeURIComponent(key), query };
}

function operationOf(method: string, key: string, query: URLSearchParams): Operation {
  if (!key) return query.get('list-type') === '2' ? 'list' : 'other';
  const inParts = query.has('uploadId');
  const operations: Record<string, Operation> = {
    GET: 'get',
    HEAD: 'head',
    PUT: inParts ? 'part' : 'put',
    POST: inParts ? 'complete' : 'begin',
    DELETE: inParts ? 'abort' : 'other',
  };
  return operations[method] ?? 'other';
}

function refuse(response: ServerResponse, status: number, code: string) {
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
}

const CHARACTERS: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" };

/** A listing as S3 writes it for `EncodingType=url`. */
function withEncodedKeys(listing: Buffer): Buffer {
  const encoded = listing
    .toString()
    .replace(/(?<=<Key>)[^<]*(?=<)/g, (key) =>
      encodeURIComponent(key.replace(/&\w+;/g, (entity) => CHARACTERS[entity]!)).replaceAll('%20', '+'),
    )
    .replace('</ListBucketResult>', '<EncodingType>url</EncodingType></ListBucketResult>');
  return Buffer.from(encoded);
}
