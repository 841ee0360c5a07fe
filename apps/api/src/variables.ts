import { queueVariables } from '@facequeue/queue';
import { byteSize, duration, flag, integer, list } from '@facequeue/schema/config';
import { installationVariables } from '@facequeue/schema/installation';
import { commonVariables } from '@facequeue/service/variables';
import { s3LocationVariables, sourceVariables } from '@facequeue/source/variables';
import { z } from 'zod';
import { KEY_ENTRY_FORM, parseKeyEntry } from './auth/keys.ts';

/** The environment variables of the gateway. */
export const gatewayVariables = {
  PORT: integer(8080, { min: 0, max: 65_535 }).meta({
    description: 'Port of the HTTP API. 0 takes a free one, which the log names.',
  }),
  HOST: z.string().default('127.0.0.1').meta({
    default: '127.0.0.1',
    description:
      'Address to listen on. One beyond loopback needs `API_KEYS`, or `ALLOW_OPEN=true` to say that everybody may call.',
  }),
  API_KEYS: list()
    .transform((items, context) => {
      const keys = items.flatMap((item) => {
        const key = parseKeyEntry(item);
        if (!key) context.issues.push({ code: 'custom', message: KEY_ENTRY_FORM, input: item });
        return key ?? [];
      });
      if (new Set(keys.map((key) => key.name)).size < keys.length) {
        context.issues.push({ code: 'custom', message: 'names that differ', input: items });
      }
      return keys;
    })
    .meta({
      default: '',
      secret: true, // somebody may have put a key itself there
      description:
        "Keys of the callers as `name:sha256` with commas; make one with `openssl rand -hex 24`, and its hash with `printf %s KEY | sha256sum`. A caller sends the key as `x-api-key` or `Authorization: Bearer`, and sees the jobs of its own key only. None: everybody may call; on loopback addresses then a foreign `Host` or `Origin` is refused, so that no web page can reach the API through a visitor's browser.",
    }),
  ALLOW_OPEN: flag(false).meta({
    description:
      'Without `API_KEYS`: listen beyond loopback all the same, and take any `Host` and `Origin`. For closed networks and behind a proxy that checks callers.',
  }),
  COMPAT: z.enum(['', 'aws'], { error: 'aws or nothing' }).default('').meta({
    default: '',
    description:
      '`aws` answers as the reference service does: plain-text 400s with its texts, `Access-Control-Allow-Origin: *`, unknown JSON members and EXIF orientation ignored.',
  }),
  SYNC_WAIT: duration('19s').meta({
    description:
      'How long a call waits for its faces; then it answers 504 with the `Location` of the job, which goes on.',
  }),
  START_WITHIN: duration('10m').meta({
    description: 'A job that has not been started by then ends `expired`.',
  }),
  MAX_IMAGE_BYTES: sourceVariables.MAX_IMAGE_BYTES,
  MAX_INFLIGHT_BODY_BYTES: byteSize('256mb').meta({
    description: 'Bytes of request bodies held by one gateway at a time; past it calls are refused with 503 unread.',
  }),
  HEADER_TIMEOUT: duration('10s').meta({ description: 'Time a client has to send its request headers.' }),
  BODY_TIMEOUT: duration('60s').meta({
    description: 'Time a client has to send its request body; of NDJSON, which may be long, each megabyte.',
  }),
  ...commonVariables,
  ...s3LocationVariables,
  ...installationVariables,
  ...queueVariables,
};

/** Values of the variables, parsed. */
export type GatewayConfig = z.output<z.ZodObject<typeof gatewayVariables>>;
