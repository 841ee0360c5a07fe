import { open } from 'node:fs/promises';
import { FacequeueError, isFacequeueError } from '@facequeue/schema';

/**
 * Reads an image file.
 * @param maxBytes largest file, bytes
 * @throws FacequeueError source_unreachable, body_too_large
 */
export async function readImage(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > maxBytes) throw new FacequeueError('body_too_large', `the image is larger than ${maxBytes} bytes`);
    return await file.readFile();
  } catch (error) {
    if (isFacequeueError(error)) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : `the file cannot be read: ${code ?? message}`;
    throw new FacequeueError('source_unreachable', reason, { cause: error });
  }
}
