/**
 * The one table of image formats that are accepted. The bytes of a file decide its format, never a name or content type;
 * suffixes only pick the files of a folder or bucket that become items.
 *
 * To add a format: add a row here, and its signature, header reader and decoder in packages/pipeline/src/image.
 */

interface ImageFormatEntry {
  /** In public texts. */
  readonly name: string;
  /** Suffixes of file names, lower case, with the dot. */
  readonly suffixes: readonly string[];
}

export const IMAGE_FORMATS = {
  jpeg: { name: 'JPEG', suffixes: ['.jpg', '.jpeg'] },
  png: { name: 'PNG', suffixes: ['.png'] },
  bmp: { name: 'BMP', suffixes: ['.bmp'] },
  webp: { name: 'WebP', suffixes: ['.webp'] },
} as const satisfies Record<string, ImageFormatEntry>;

export type ImageFormat = keyof typeof IMAGE_FORMATS;

export const IMAGE_FORMAT_KEYS = Object.keys(IMAGE_FORMATS) as [ImageFormat, ...ImageFormat[]];

/** Suffixes of the files that folders and listings take unless others are named. */
export const IMAGE_SUFFIXES: readonly string[] = Object.values<ImageFormatEntry>(IMAGE_FORMATS).flatMap(
  ({ suffixes }) => suffixes,
);

/**
 * The names of all formats as words of a sentence.
 * @example imageFormatNames('or') // 'JPEG, PNG, BMP or WebP'
 */
export function imageFormatNames(conjunction: 'and' | 'or'): string {
  const names = Object.values(IMAGE_FORMATS).map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} ${conjunction} ${names.at(-1)}`;
}
