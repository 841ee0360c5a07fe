import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { CameraEventsQuery, CameraPath, FrameQuery } from '../camera/request.ts';
import { CameraList, CameraResource } from '../camera/resource.ts';
import type { ErrorCode } from '../errors.ts';
import { JobResource } from '../job/resource.ts';
import { eventsHeaders, jobId, location, requestHeaders, requestId } from './headers.ts';
import { answer, eventStream, get, jobLinks, operation } from './operation.ts';

const codes: ErrorCode[] = ['unauthorized', 'unavailable'];
const ofCamera = { tag: 'cameras', params: CameraPath, codes };

const postFrame: ZodOpenApiOperationObject = {
  ...operation({
    ...ofCamera,
    operationId: 'postFrame',
    summary: 'Submit a frame',
    more:
      'Cameras share the workers fairly. Of two frames of a camera the one that arrives later is the newer. A frame that is replaced by a ' +
      'newer one ends `canceled` with the error `superseded`.',
    codes: [...codes, 'body_too_large', 'unsupported_media_type', 'queue_full'],
    query: FrameQuery,
    header: requestHeaders.extend({
      'X-Frame-Time': z.iso
        .datetime({ offset: true })
        .optional()
        .meta({ description: 'When it was taken; returned as `frame_time`.' }),
    }),
    answers: {
      202: {
        ...answer('The job of the frame.', JobResource, { 'X-Job-Id': jobId, Location: location }),
        links: jobLinks,
      },
    },
  }),
  requestBody: {
    required: true,
    description: 'The image file; its bytes decide the format.',
    content: { 'image/*': { schema: {} }, 'application/octet-stream': { schema: {} } },
  },
};

export const cameraPaths: ZodOpenApiPathsObject = {
  '/cameras': get({
    operationId: 'listCameras',
    summary: 'Every camera that has posted a frame in the last day',
    tag: 'cameras',
    codes,
    description: 'The cameras of the API key of the caller, sorted by name.',
    schema: CameraList,
  }),
  '/cameras/{camera}': {
    ...get({
      ...ofCamera,
      codes: [...codes, 'not_found'],
      operationId: 'getCamera',
      summary: 'Counts and rates of a camera',
      description: 'Counts since its first frame, rates over about the last half minute.',
      schema: CameraResource,
    }),
    delete: operation({
      ...ofCamera,
      codes: [...codes, 'not_found'],
      operationId: 'eraseCamera',
      summary: 'Erase a camera with its waiting frames and its results',
      more:
        'Frames that wait or are processed end `canceled`. A frame that is posted afterwards begins a new camera of the same name. ' +
        'Streams of its results stay open for that.',
      answers: {
        204: {
          description: 'It is erased. Repeating the call gives the same answer for RESULT_TTL.',
          headers: z.object({ 'X-Request-Id': requestId }),
        },
      },
    }),
  },
  '/cameras/{camera}/frames': { post: postFrame },
  '/cameras/{camera}/events': {
    get: operation({
      ...ofCamera,
      codes: [...codes, 'queue_full'],
      operationId: 'followCamera',
      summary: "The results of a camera's frames, as server-sent events",
      more:
        'An event `frame` with a FrameEvent for each frame that was processed, in the order in which they ended; its id is the value for ' +
        'Last-Event-ID and `after`. About the last thousand are kept. Waits for a camera that has posted no frame yet. A comment is sent ' +
        'at least every 15 s; a client that reads nothing for 30 s is disconnected.',
      query: CameraEventsQuery,
      header: eventsHeaders,
      answers: { 200: eventStream('Events; the `data` of each is a FrameEvent.', 'FrameEvent') },
    }),
  },
};
