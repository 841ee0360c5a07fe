/**
 * Secrets that sign webhooks, by owner: the name of the API key that submits the job, or '' in open mode, where there are no
 * keys. When a name has several secrets, all of them sign, which lets a receiver change from one to the next (rotation).
 */
export type WebhookSecrets = ReadonlyMap<string, readonly string[]>;

export const SECRET_ENTRY_FORM =
  'whsec_BASE64 or name=whsec_BASE64 with commas, each secret 24 to 64 bytes long before base64';

/** Lengths of a symmetric secret by the Standard Webhooks specification, bytes. */
const SECRET_BYTES = [24, 64] as const;

/**
 * Reads one entry `whsec_…` or `name=whsec_…`, where the name is that of an API key.
 * @returns null when the entry has another form
 * @example
 * parseSecretEntry('shop=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')?.owner; // 'shop'
 */
export function parseSecretEntry(text: string): { owner: string; secret: string } | null {
  const match = /^(?:([\w.-]{1,64})=)?(whsec_([A-Za-z0-9+/]+={0,2}))$/.exec(text);
  if (!match) return null;
  const [, owner = '', secret, base64] = match;
  const bytes = Buffer.from(base64!, 'base64');
  // Receivers decode it too, and not every decoder is as lenient as Node's.
  if (bytes.toString('base64') !== base64) return null;
  if (bytes.length < SECRET_BYTES[0] || bytes.length > SECRET_BYTES[1]) return null;
  return { owner, secret: secret! };
}
