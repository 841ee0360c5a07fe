import { queueVariables } from '@facequeue/queue';
import { byteSize, duration, flag, integer, list } from '@facequeue/schema/config';
import { installationVariables } from '@facequeue/schema/installation';
import { API_KEYS_FILE } from '@facequeue/schema/keys-file';
import { commonVariables } from '@facequeue/service/variables';
import { s3LocationVariables, sourceKindVariables, sourceVariables } from '@facequeue/source/variables';
import { z } from 'zod';
import { KEY_ENTRY_FORM, parseKeyEntry } from './auth/keys.ts';
import { ORIGIN_FORM, parseOrigin } from './browsers/cors.ts';
import { HOST_ENTRY_FORM, HostList, parseHostEntry } from './browsers/host-list.ts';

/** The environment variables of the gateway. */
export const gatewayVariables = {
  PORT: integer(8080, { min: 0, max: 65_535 }).meta({
    description: 'Port of the HTTP API. 0 picks a free one; the log names it.',
  }),
  HOST: z.string().default('127.0.0.1').meta({
    default: '127.0.0.1',
    description:
      'Address to listen on. An address beyond loopback needs `API_KEYS` or `API_KEYS_FILE`, or `ALLOW_OPEN=true` to let everybody call.',
  }),
  API_KEYS: list()
    .transform((items, context) => {
      const keys = items.flatMap((item) => {
        const key = parseKeyEntry(item);
        if (!key) context.issues.push({ code: 'custom', message: KEY_ENTRY_FORM, input: item });
        return key ?? [];
      });
      if (new Set(keys.map((key) => key.caller.owner)).size < keys.length) {
        context.issues.push({ code: 'custom', message: 'names that differ', input: items });
      }
      return keys;
    })
    .meta({
      default: '',
      secret: true, // a user may have put the key itself here
      description:
        "API keys of the callers, as `name:sha256`, separated by commas. Make a key with `openssl rand -hex 24` and its hash with `printf %s KEY | sha256sum`. A caller sends its key as `x-api-key` or `Authorization: Bearer`, and sees only the jobs of its own key. Without keys everybody may call; on loopback addresses requests with a foreign `Host` or `Origin` are then refused, so that no web page can reach the API through a visitor's browser.",
    }),
  API_KEYS_FILE,
  ALLOW_OPEN: flag(false).meta({
    description:
      'Allows listening beyond loopback without API keys, and any `Host` unless `ALLOWED_HOSTS` is set. For closed networks, or behind a proxy that authenticates callers.',
  }),
  ALLOWED_HOSTS: list()
    .transform((items, context) => {
      const entries = items.flatMap((item) => {
        const entry = parseHostEntry(item);
        if (!entry) context.issues.push({ code: 'custom', message: HOST_ENTRY_FORM, input: item });
        return entry ?? [];
      });
      return entries.length > 0 ? new HostList(entries) : null;
    })
    .meta({
      default: '',
      description:
        'Hosts that requests may name in `Host`, with keys and without: names, `.example.org` (with all its subdomains), addresses, ranges such as `10.0.0.0/8`; on any port. Others get 403, except `/livez`, `/readyz` and `/ping`. Without keys, pages of these hosts may call, too. Unset: any host, or only this machine on loopback addresses without keys. Compose sets `localhost,127.0.0.1,gateway` in .env: add the names by which callers, proxies and Prometheus ask.',
    }),
  TRUST_PROXY: integer(0, { min: 0, max: 16 }).meta({
    description:
      'Proxies in front of the gateways whose `X-Forwarded-For` is believed: 1 for one load balancer, 2 for a CDN before it. Without API keys a client counts by its address in turns and shares ([security.md](security.md#flows)); behind proxies, without this setting, all clients are one. Set it only where every call comes through that many proxies: whoever reaches a gateway with fewer between can claim any address.',
  }),
  CORS_ORIGINS: list()
    .transform((items, context) =>
      items.flatMap((item) => {
        const origin = parseOrigin(item);
        if (!origin) context.issues.push({ code: 'custom', message: ORIGIN_FORM, input: item });
        return origin ?? [];
      }),
    )
    .meta({
      default: '',
      description:
        'Origins of web pages that may call and read the answers, such as `https://shop.example.org`; `*` for all. None by default, all under `COMPAT=aws`.',
    }),
  COMPAT: z.enum(['', 'aws'], { error: 'aws or nothing' }).default('').meta({
    default: '',
    description:
      '`aws` imitates the reference service: plain-text 400s with its texts, `Access-Control-Allow-Origin: *` (unless `CORS_ORIGINS` is set), and unknown JSON members and EXIF orientation are ignored.',
  }),
  SYNC_WAIT: duration('19s', { min: '100ms', max: '1h' }).meta({
    description:
      'How long a call waits for its faces. After that it answers 504 with the `Location` of the job, which goes on.',
  }),
  START_WITHIN: duration('10m', { min: '100ms', max: '3650d' }).meta({
    description: 'A job that has not started within this time ends `expired`.',
  }),
  MAX_IMAGE_BYTES: sourceVariables.MAX_IMAGE_BYTES,
  MAX_CONNECTIONS: integer(20_000, { min: 16, max: 1_000_000 }).meta({
    description:
      'Connections to one gateway at a time; never more than its open files allow (`ulimit -n`). One client address gets at most seven eighths, and less while others need them (429, or 503 when there are too many in all). With `TRUST_PROXY` addresses have no share: connections come from the proxies.',
  }),
  MAX_NEW_CONNECTIONS: integer(1024, { min: 16, max: 1_000_000 }).meta({
    description:
      'Of these connections, how many may have sent no request yet; in shares likewise. Each has `HEADER_TIMEOUT` to send one.',
  }),
  MAX_OPEN_BATCHES: integer(1000, { min: 8, max: 10_000 }).meta({
    description:
      'Batches of the installation that are open for more items, at a time, over all gateways; in shares by API key, or without keys client address. Closed ones do not count.',
  }),
  MAX_STREAMS: integer(4096, { min: 8, max: 1_000_000 }).meta({
    description:
      'Streams of one gateway at a time: `events` of jobs and cameras, `results` of batches. One API key, or without keys one client address, gets at most seven eighths, and less while others need them (429, or 503 when there are too many in all).',
  }),
  MAX_OPEN_WAITS: integer(16_384, { min: 8, max: 1_000_000 }).meta({
    description: 'Calls of one gateway that wait for the end of a job, at a time; in shares likewise.',
  }),
  MAX_INFLIGHT_BODY_BYTES: byteSize('256mb', { min: '100kb', max: '1tb' }).meta({
    description:
      'Memory for request bodies in one gateway, of which a body takes what has arrived of it. When it is full, calls are refused with 503, before their body is read if its announced size does not fit. One API key, or without keys one client address, gets at most seven eighths, and less while others need it (429). One body of `MAX_IMAGE_BYTES` in base64 must fit.',
  }),
  MAX_CAMERAS: integer(4096, { min: 1, max: 1_000_000 }).meta({
    description:
      'Cameras at a time, of which a frame could be decoded. One API key (without keys: one address) has seven eighths of them at most, and its equal share when others want theirs; the longest idle camera gives way. One has 2.4 kB in Redis, and up to 0.5 MB of results.',
  }),
  HEADER_TIMEOUT: duration('10s', { min: '100ms', max: '1h', zero: 'no limit' }).meta({
    description: 'Time a client has to send its request headers.',
  }),
  BODY_MIN_SPEED: byteSize('4kb', { min: '100b', max: '100mb', zero: 'no limit of its own' }).meta({
    description:
      'Least speed of a request body, bytes a second. A client that sends less over ten seconds gets 408. NDJSON, which is sent as items come up, has `BODY_TIMEOUT` alone.',
  }),
  BODY_TIMEOUT: duration('60s', { min: '100ms', max: '1h' }).meta({
    description:
      'Time a client has to send its request body. NDJSON may be long: there it is the time for each megabyte.',
  }),
  ...commonVariables,
  ...sourceKindVariables,
  ...s3LocationVariables,
  ...installationVariables,
  ...queueVariables,
};

/** Values of the variables, parsed. */
export type GatewayConfig = z.output<z.ZodObject<typeof gatewayVariables>>;
