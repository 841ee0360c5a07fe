import { SOURCE_KINDS, type SourceKind } from '@facequeue/schema';
import { byteSize, duration, integer, list } from '@facequeue/schema/config';
import { z } from 'zod';
import { ALLOW_ENTRY_FORMS, parseAllowEntry, parseOnlyEntry } from './address/allow-list.ts';
import { credentialsFile } from './credentials.ts';
import type { StorageOptions } from './object-lister.ts';
import type { LeastSpeed } from './pace.ts';
import type { S3Options } from './s3/client.ts';
import { parseS3Prefix, type S3Prefix } from './s3/prefixes.ts';
import type { SourceOptions } from './source.ts';

/** A list of items that `parse` must accept. */
function parsedList<T>(parse: (item: string) => T | null, expected: string) {
  return list().transform((items, context) =>
    items.map((item) => {
      const parsed = parse(item);
      if (parsed === null) context.issues.push({ code: 'custom', message: `${expected}, not ${item}`, input: item });
      return parsed as T;
    }),
  );
}

/** Which kinds of sources there are. A gateway reads it too, to refuse others at once. */
export const sourceKindVariables = {
  SOURCES: list(SOURCE_KINDS.join(','))
    .transform((names, context) => {
      const kinds = names.filter((name) => (SOURCE_KINDS as readonly string[]).includes(name)) as SourceKind[];
      if (kinds.length > 0 && kinds.length === names.length) return kinds;
      context.issues.push({ code: 'custom', message: `some of ${SOURCE_KINDS.join(', ')}`, input: names });
      return z.NEVER;
    })
    .meta({
      default: SOURCE_KINDS.join(','),
      description:
        'Where images may come from: `inline` (in the body), `url` (http and https), `s3`. Gateways refuse others with `source_forbidden`, workers fetch and list no others.',
    }),
};

/** Allowed buckets. A gateway reads them too, to refuse others at once. */
export const s3LocationVariables = {
  S3_SOURCE_PREFIXES: parsedList(parseS3Prefix, 'bucket or bucket/prefix').meta({
    default: '',
    description:
      'Locations that `s3://` image URLs and listings may read: `bucket` or `bucket/prefix`, separated by commas. A prefix is a folder: `photos/2024` admits `s3://photos/2024/a.jpg`, not `s3://photos/2024-private/a.jpg`. None by default. Credentials come from the AWS SDK’s own chain: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, web identity or an instance role.',
  }),
  S3_OUTPUT_PREFIXES: parsedList(parseS3Prefix, 'bucket or bucket/prefix').meta({
    default: '',
    description:
      'Locations to which the results of batches may be written (`output`), in the same form as `S3_SOURCE_PREFIXES`. None by default.',
  }),
};

/** The environment variables of image sources. */
export const sourceVariables = {
  // The most pixels that are accepted take 134 MB uncompressed. Redis takes 200 MB in well under the 5 s of a command.
  MAX_IMAGE_BYTES: byteSize('20mb', { min: '1kb', max: '200mb' }).meta({
    description: 'Largest image file, whether it comes in a request body or is fetched from a URL.',
  }),
  SOURCE_ALLOW: parsedList(parseAllowEntry, ALLOW_ENTRY_FORMS).meta({
    default: '',
    description:
      'Destinations of image URLs and webhooks that are admitted although they are not public: host names (with any address), `.lan` (with all its subdomains), addresses, each with or without `:port`, and ranges, such as `nas.lan,10.0.7.5:8080,192.168.1.0/24`. By default loopback, private, link-local and other special addresses, and those of this machine’s own interfaces, are refused. `0.0.0.0/0,::/0` admits everything, cloud metadata services included.',
  }),
  SOURCE_ONLY: parsedList(parseOnlyEntry, `${ALLOW_ENTRY_FORMS}, or *:443`).meta({
    default: '',
    description:
      'The only destinations of image URLs and webhooks, in the same forms as `SOURCE_ALLOW`, or `*:443` for one port of every host: `images.example.org:443,.cdn.example.net:443`. Holds for each redirect, too. It restricts and admits nothing: a private address has to be in `SOURCE_ALLOW` as well. Names that are not listed are not looked up. Unset: every public destination.',
  }),
  SOURCE_CREDENTIALS_FILE: credentialsFile().meta({
    default: '',
    description:
      'JSON file with credentials of image hosts, by origin: `{"http://camera-1.lan": {"user": "…", "password": "…"}, "https://images.lan:8443": {"token": "…"}}`, sent as basic authentication or as a bearer token. A request has them only when the URL that the caller named is of exactly this scheme, host and port; a redirect elsewhere does not. Read at the start. No caller sees them, but every caller who may name URLs uses them ([security.md](security.md#image-urls-buckets-and-webhooks)).',
  }),
  SOURCE_TIMEOUT: duration('15s', { min: '100ms', max: '1h' }).meta({
    description: 'Time to fetch an image from its URL, redirects included.',
  }),
  SOURCE_CONNECT_TIMEOUT: duration('3s', { min: '100ms', max: '1h', zero: 'no limit of its own' }).meta({
    description:
      'Time to look up the name of an image host, or of a webhook’s receiver, and connect to it, TLS included.',
  }),
  SOURCE_HEADERS_TIMEOUT: duration('10s', { min: '100ms', max: '1h' }).meta({
    description: 'Time until an image host answers with headers, connecting included.',
  }),
  SOURCE_MIN_SPEED: byteSize('4kb', { min: '100b', max: '100mb', zero: 'no limit of its own' }).meta({
    description:
      'Least speed of an image on its way from its URL, bytes a second. A host or bucket that sends less over five seconds is given up.',
  }),
  SOURCE_MAX_REDIRECTS: integer(5, { min: 0, max: 20 }).meta({
    description: 'Redirects followed from an image URL; each target is checked like the URL itself.',
  }),
  ...sourceKindVariables,
  ...s3LocationVariables,
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'an http or https URL' })
    .optional()
    .meta({ description: 'URL of an S3-compatible service (MinIO, Ceph, R2, …). Unset: AWS.' }),
  S3_REGION: z.string().optional().meta({
    description: 'Region of the buckets. Unset: `AWS_REGION` or the profile’s; `us-east-1` with `S3_ENDPOINT`.',
  }),
  S3_FORCE_PATH_STYLE: z.stringbool({ error: 'true or false' }).optional().meta({
    description:
      'Whether S3 requests have the bucket in the path instead of in the host name. Unset: true with `S3_ENDPOINT`, else false.',
  }),
};

type SourceConfig = z.output<z.ZodObject<typeof sourceVariables>>;

/** Over which the least speed is measured: long enough for a stumble of a mobile network, ms. */
const SPEED_WINDOW_MS = 5000;

const leastSpeed = (bytesPerS: number): LeastSpeed => ({
  bytes: (bytesPerS * SPEED_WINDOW_MS) / 1000,
  windowMs: SPEED_WINDOW_MS,
});

/** Options of `createImageSource`, from the values of the variables. */
export function sourceOptions(config: SourceConfig): SourceOptions {
  return {
    limits: {
      maxBytes: config.MAX_IMAGE_BYTES,
      connectMs: config.SOURCE_CONNECT_TIMEOUT,
      headersMs: config.SOURCE_HEADERS_TIMEOUT,
      totalMs: config.SOURCE_TIMEOUT,
      leastSpeed: leastSpeed(config.SOURCE_MIN_SPEED),
      maxRedirects: config.SOURCE_MAX_REDIRECTS,
    },
    allow: config.SOURCE_ALLOW,
    only: config.SOURCE_ONLY,
    kinds: config.SOURCES,
    credentials: config.SOURCE_CREDENTIALS_FILE,
    s3: s3Options(config, config.S3_SOURCE_PREFIXES),
  };
}

/** Options of `createObjectLister`. */
export function listerOptions(config: SourceConfig): StorageOptions {
  return {
    kinds: config.SOURCES,
    s3: s3Options(config, config.S3_SOURCE_PREFIXES),
    connectMs: config.SOURCE_CONNECT_TIMEOUT,
    totalMs: config.SOURCE_TIMEOUT,
  };
}

/** Enough for a part of 8 MiB at 70 kB/s, and for a server that takes a minute to join thousands of parts. */
const WRITE_MS = 120_000;

/** Options of `createObjectWriter`. */
export function writerOptions(config: SourceConfig): StorageOptions {
  return {
    s3: s3Options(config, config.S3_OUTPUT_PREFIXES),
    connectMs: config.SOURCE_CONNECT_TIMEOUT,
    totalMs: WRITE_MS,
  };
}

function s3Options(config: SourceConfig, prefixes: readonly S3Prefix[]): S3Options {
  return {
    prefixes,
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    forcePathStyle: config.S3_FORCE_PATH_STYLE ?? config.S3_ENDPOINT !== undefined,
  };
}
