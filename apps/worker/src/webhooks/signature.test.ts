import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from './signature.ts';

const secret = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);

describe('the signatures of a webhook', () => {
  it('verify with each of its secrets and no other, and only for this body and id', () => {
    fc.assert(
      fc.property(fc.uniqueArray(secret, { minLength: 2, maxLength: 4 }), fc.json(), ([stranger, ...secrets], body) => {
        const headers = signedHeaders('msg_1', body, secrets, Date.now());
        for (const own of secrets) expect(new Webhook(own).verify(body, headers)).toEqual(JSON.parse(body));
        expect(() => new Webhook(stranger!).verify(body, headers)).toThrow('No matching signature');
        expect(() => new Webhook(secrets[0]!).verify(`${body} `, headers)).toThrow('No matching signature');
        expect(() => new Webhook(secrets[0]!).verify(body, { ...headers, 'webhook-id': 'msg_2' })).toThrow(
          'No matching signature',
        );
      }),
    );
  });

  it('are refused by a receiver when they are old', () => {
    const old = `whsec_${Buffer.alloc(32).toString('base64')}`;
    const headers = signedHeaders('msg_1', '{}', [old], Date.now() - 6 * 60_000);
    expect(() => new Webhook(old).verify('{}', headers)).toThrow('too old');
  });
});
