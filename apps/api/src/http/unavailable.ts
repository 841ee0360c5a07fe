import { isFacequeueError } from '@facequeue/schema';

/** True for what the queue throws while Redis is away. */
export function isUnavailable(error: unknown): boolean {
  return isFacequeueError(error) && error.code === 'unavailable';
}
