import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { CameraEventsQuery, CameraPath, FrameQuery } from '../camera/request.ts';
import { CameraList, CameraResource, FrameEvent } from '../camera/resource.ts';
import type { ErrorCode } from '../errors.ts';
import { JobResource } from '../job/resource.ts';
import { eventsHeaders, jobId, location, requestHeaders } from './headers.ts';
import { answer, eventStream, get, operation } from './operation.ts';

const codes: ErrorCode[] = ['unauthorized', 'unavailable'];
const ofCamera = { tag: 'cameras', params: CameraPath, codes };

const postFrame: ZodOpenApiOperationObject = {
  ...operation({
    ...ofCamera,
    operationId: 'postFrame',
    summary: 'Hand in a frame',
    more:
      'Cameras share the workers by turns. Of two frames of a camera the newer is the one that arrives later. A frame that a newer one ' +
      'replaces ends `canceled` with the error `superseded`.',
    codes: [...codes, 'body_too_large', 'unsupported_media_type', 'queue_full'],
    query: FrameQuery,
    header: requestHeaders.extend({
      'X-Frame-Time': z.iso
        .datetime({ offset: true })
        .optional()
        .meta({ description: 'When it was taken; given back as `frame_time`.' }),
    }),
    answers: { 202: answer('The job of the frame.', JobResource, { 'X-Job-Id': jobId, Location: location }) },
  }),
  requestBody: {
    required: true,
    description: 'The image as it is; its bytes decide the format.',
    content: { 'image/*': { schema: {} }, 'application/octet-stream': { schema: {} } },
  },
};

export const cameraPaths: ZodOpenApiPathsObject = {
  '/cameras': get({
    operationId: 'listCameras',
    summary: 'Every camera that has posted a frame within a day',
    tag: 'cameras',
    codes,
    description: 'The cameras of the key that asks, by name.',
    schema: CameraList,
  }),
  '/cameras/{camera}': get({
    ...ofCamera,
    codes: [...codes, 'not_found'],
    operationId: 'getCamera',
    summary: 'What a camera has done so far',
    description: 'Counts since its first frame, rates of the last half minute or so.',
    schema: CameraResource,
  }),
  '/cameras/{camera}/frames': { post: postFrame },
  '/cameras/{camera}/events': {
    get: operation({
      ...ofCamera,
      operationId: 'followCamera',
      summary: "The results of a camera's frames, as server-sent events",
      more:
        'An event `frame` with a FrameEvent for each frame that was processed, in the order in which they end; its id is what ' +
        'Last-Event-ID and `after` take. The last thousand or so are kept. Waits for a camera that has posted no frame yet. A comment ' +
        'at least every 15 s; a client that reads nothing for 30 s is cut off.',
      query: CameraEventsQuery,
      header: eventsHeaders,
      answers: { 200: eventStream('Events; each `data` is as shown.', FrameEvent) },
    }),
  },
};
