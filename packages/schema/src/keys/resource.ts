/** API keys and their use as the API shows them. */
import { z } from 'zod';
import { SOURCE_KINDS } from '../detection/source-kinds.ts';
import { IsoTime } from '../http/iso-time.ts';
import { SCOPES } from './scopes.ts';

const Key = z
  .object({
    name: z.string(),
    from: z.enum(['API_KEYS', 'API_KEYS_FILE']).meta({ description: 'The setting that it comes from.' }),
    scopes: z.array(z.enum(SCOPES)),
    expires_at: IsoTime.nullable(),
    weight: z.number().meta({ description: 'Turns that its waiting jobs have for one of a key with 1.' }),
    rate: z
      .object({
        requests: z.int(),
        period_ms: z.int(),
        burst: z.int().meta({ description: 'Calls that may come at once.' }),
      })
      .nullable(),
    concurrent: z.int().nullable().meta({ description: 'Most calls in progress.' }),
    waiting: z.int().nullable().meta({ description: 'Most jobs, items and frames that wait.' }),
    max_image_bytes: z.int().nullable(),
    sources: z.array(z.enum(SOURCE_KINDS)),
    use: z
      .object({
        calls: z.int().meta({ description: 'Calls answered, those that were refused included.' }),
        refused: z.int().meta({ description: 'Calls refused by a limit of the key.' }),
        last_call_at: IsoTime.nullable(),
        in_progress: z.int().meta({ description: 'Calls in progress; 0 for a key without such a limit.' }),
      })
      .meta({ description: 'Over all gateways, up to some seconds ago; forgotten 90 days after the last call.' }),
  })
  .meta({ id: 'ApiKey' });

/** `GET /admin/keys`. */
export const KeysResource = z.object({ keys: z.array(Key) }).meta({ id: 'ApiKeys' });
export type KeysResource = z.infer<typeof KeysResource>;
