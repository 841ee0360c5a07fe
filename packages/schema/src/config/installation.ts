/** Environment variables that must be the same for all gateways and workers of an installation. */
import { z } from 'zod';
import { parseSecretEntry, SECRET_ENTRY_FORM, type WebhookSecrets } from '../webhook/secrets.ts';
import { list } from './variables.ts';

export const installationVariables = {
  BASE_PATH: z
    .string()
    .regex(/^\/?$|^(\/[\w.~-]+)+\/?$/, 'a path such as /prod')
    .default('')
    .transform((path) => path.replace(/\/$/, ''))
    .meta({
      default: '',
      description:
        'Prefix of every path, such as the stage `/prod` of an API gateway. Workers use it for the links in webhooks.',
    }),
  WEBHOOK_SECRETS: list()
    .transform((items, context): WebhookSecrets => {
      const secrets = new Map<string, string[]>();
      for (const item of items) {
        const entry = parseSecretEntry(item);
        if (!entry) {
          context.issues.push({ code: 'custom', message: SECRET_ENTRY_FORM, input: items });
          return z.NEVER;
        }
        const { owner, secret } = entry;
        secrets.set(owner, [...(secrets.get(owner) ?? []), secret]);
      }
      return secrets;
    })
    .meta({
      default: '',
      secret: true,
      description:
        'Secrets that sign webhooks (docs/webhooks.md): `name=whsec_…` for the jobs of the API key with that name, plain `whsec_…` without API keys; separated by commas. When a name has several secrets, all of them sign, which lets a receiver change from one to the next. Make one with `echo whsec_$(openssl rand -base64 32)`. A call with `webhook_url` is refused when its key has no secret. Gateways read the setting only to know which keys have a secret.',
    }),
};
