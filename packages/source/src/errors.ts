/** Errors of fetching an image. The texts are public: they name no address, no internal host and no cause. */
import { FacequeueError } from '@facequeue/schema';

export const invalidUrl = (detail: string, parameter = 'url') =>
  new FacequeueError('invalid_request', detail, { parameter });

export const forbidden = (detail: string, cause?: unknown) =>
  new FacequeueError('source_forbidden', detail, { parameter: 'url', cause });

export const unreachable = (detail: string, cause?: unknown) =>
  new FacequeueError('source_unreachable', detail, { parameter: 'url', cause });

export const timedOut = (detail: string, cause?: unknown) =>
  new FacequeueError('source_timeout', detail, { parameter: 'url', cause });

/** @param missed the step that did not happen in time, such as `the receiver did not answer` */
export const missedDeadline = (ms: number, missed: string) => timedOut(`${missed} within ${ms / 1000} s`);

export const tooLarge = (maxBytes: number) =>
  new FacequeueError('body_too_large', `the image is larger than ${maxBytes} bytes`, { parameter: 'url' });
