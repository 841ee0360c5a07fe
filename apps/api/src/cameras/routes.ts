import { FacequeueError, readCameraName } from '@facequeue/schema';
import { cameraResource } from '@facequeue/schema/camera-resource';
import { contextOf } from '../http/context.ts';
import { type Route, refuseQuery } from '../http/route.ts';
import type { Services } from '../services.ts';
import { streamFrames } from './events.ts';
import { postFrame } from './post-frame.ts';

/** Cameras: post a frame, read what each has done so far, follow the results of one, erase one. */
export function cameraRoutes(services: Services): Route[] {
  const { queue, config } = services;
  return [
    {
      method: 'post',
      path: '/cameras/{camera}/frames',
      scope: 'cameras',
      body: true,
      handle: (request, response) => postFrame(services, request, response),
    },
    {
      method: 'get',
      path: '/cameras',
      scope: 'cameras',
      async handle(request, response) {
        refuseQuery(request);
        const cameras = await queue.cameras.list(contextOf(response).owner);
        response.json({ cameras: cameras.map((camera) => cameraResource(camera, config.BASE_PATH)) });
      },
    },
    {
      method: 'get',
      path: '/cameras/{camera}',
      scope: 'cameras',
      async handle(request, response) {
        refuseQuery(request);
        const name = readCameraName(request.params['camera']);
        const camera = await queue.cameras.read(contextOf(response).owner, name);
        if (!camera) throw noSuchCamera();
        response.json(cameraResource(camera, config.BASE_PATH));
      },
    },
    {
      method: 'delete',
      path: '/cameras/{camera}',
      scope: 'cameras',
      async handle(request, response) {
        refuseQuery(request);
        const name = readCameraName(request.params['camera']);
        if (!(await queue.cameras.erase(contextOf(response).owner, name))) throw noSuchCamera();
        response.status(204).end();
      },
    },
    {
      method: 'get',
      path: '/cameras/{camera}/events',
      scope: 'cameras',
      handle: (request, response) => streamFrames(services, request, response),
    },
  ];
}

const noSuchCamera = () => new FacequeueError('not_found', 'no camera of this name has posted a frame within a day');
