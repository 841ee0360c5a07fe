/** Where the bytes of an image may come from (`SOURCES`). */
import { FacequeueError } from '../errors.ts';

export const SOURCE_KINDS = ['inline', 'url', 's3'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

const NAMED: Record<SourceKind, string> = { inline: 'images in the body', url: 'image URLs', s3: 's3 URLs' };

/**
 * @param kinds those that are allowed
 * @throws source_forbidden when `kind` is not one of them
 */
export function requireSource(kinds: readonly SourceKind[], kind: SourceKind): void {
  if (kinds.includes(kind)) return;
  const parameter = kind === 'inline' ? 'img' : 'url';
  throw new FacequeueError(
    'source_forbidden',
    `${NAMED[kind]} are disabled here: SOURCES or the sources of the key leave out ${kind}`,
    {
      parameter,
    },
  );
}
