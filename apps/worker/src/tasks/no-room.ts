import { type FacequeueError, isFacequeueError } from '@facequeue/schema';

/** Whether items were refused because the queue, or the share or limit of their batch's caller, has no room for them now. */
export function isNoRoom(error: unknown): error is FacequeueError {
  return isFacequeueError(error) && (error.code === 'queue_full' || error.code === 'quota_exceeded');
}
