/** The ways in which getting an image can fail. Texts are public: they name no address, no internal host, no cause. */
import { FacequeueError } from '@facequeue/schema';

export const invalidUrl = (detail: string, parameter = 'url') =>
  new FacequeueError('invalid_request', detail, { parameter });

export const forbidden = (detail: string, cause?: unknown) =>
  new FacequeueError('source_forbidden', detail, { parameter: 'url', cause });

export const unreachable = (detail: string, cause?: unknown) =>
  new FacequeueError('source_unreachable', detail, { parameter: 'url', cause });

export const timedOut = (detail: string, cause?: unknown) =>
  new FacequeueError('source_timeout', detail, { parameter: 'url', cause });

export const tooLarge = (maxBytes: number) =>
  new FacequeueError('body_too_large', `The image is larger than ${maxBytes} bytes.`, { parameter: 'url' });
