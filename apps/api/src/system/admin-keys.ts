import type { KeyUse } from '@facequeue/queue';
import type { KeysResource } from '@facequeue/schema';
import type { ListedKey } from '../auth/keys.ts';
import { type Route, refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';

/** The API keys in force and their use, for people: indented. */
export function adminKeysRoutes({ queue, authenticator }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/admin/keys',
      scope: 'admin',
      async handle(request, response) {
        refuseQuery(request);
        const keys = authenticator.listKeys();
        const uses = await queue.keyUses.read(keys.map(({ caller }) => caller.owner));
        const page: KeysResource = { keys: keys.map((key, at) => keyView(key, uses[at]!)) };
        response.type('application/json').send(JSON.stringify(page, null, 2));
      },
    },
  ];
}

function keyView({ caller, expiresAt, weight, from }: ListedKey, use: KeyUse): KeysResource['keys'][number] {
  const { owner, scopes, rate, concurrent, waiting, maxImageBytes, sources } = caller;
  return {
    name: owner,
    from,
    scopes: [...scopes],
    expires_at: timeOrNull(expiresAt),
    weight,
    rate: rate && { requests: rate.requests, period_ms: rate.periodMs, burst: rate.burst },
    concurrent,
    waiting,
    max_image_bytes: maxImageBytes,
    sources: [...sources],
    use: {
      calls: use.calls,
      refused: use.refused,
      last_call_at: timeOrNull(use.lastCallAt),
      in_progress: use.inProgress,
    },
  };
}

const timeOrNull = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
