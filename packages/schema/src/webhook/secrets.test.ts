import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { installationVariables } from '../config/installation.ts';
import { readConfig } from '../config/variables.ts';
import { parseSecretEntry } from './secrets.ts';

const secret = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`);
const A = `whsec_${Buffer.alloc(24, 'a').toString('base64')}`;
const B = `whsec_${Buffer.alloc(64, 'b').toString('base64')}`;

const read = (text: string) => readConfig(installationVariables, { WEBHOOK_SECRETS: text }).WEBHOOK_SECRETS;

describe('WEBHOOK_SECRETS', () => {
  it('gives every key its own secrets, in order, and those without a name to open mode', () => {
    expect(read(`${A}, shop=${A},shop=${B} ,${B},a.b-c_d=${B}`)).toEqual(
      new Map([
        ['', [A, B]],
        ['shop', [A, B]],
        ['a.b-c_d', [B]],
      ]),
    );
    expect(read('')).toEqual(new Map());
  });

  it('refuses every secret when one is wrong', () => {
    expect(() => read(`${A},nonsense`)).toThrow(/^WEBHOOK_SECRETS is wrong/);
  });

  it('accepts any secret of 24 to 64 bytes, with or without a name', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom('', 'shop'), (text, owner) => {
        expect(parseSecretEntry(owner ? `${owner}=${text}` : text)).toEqual({ owner, secret: text });
      }),
    );
  });

  it.each([
    'whsec_',
    A.slice(6),
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    `whsec_${Buffer.alloc(25).toString('base64').replaceAll('=', '')}`,
    `whsec_${Buffer.alloc(24, 0xff).toString('base64url')}`,
    `a b=${A}`,
    `=${A}`,
    `shop:${A}`,
    `${A}!`,
    `${'x'.repeat(65)}=${A}`,
  ])('refuses %j, and does not repeat it', (text) => {
    expect(() => read(text)).toThrow(/^WEBHOOK_SECRETS is wrong; expected whsec_BASE64 or name=whsec_BASE64/);
    expect(() => read(`${A},${text}`)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(A.slice(6)) }),
    );
  });
});
