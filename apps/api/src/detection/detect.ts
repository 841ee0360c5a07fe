import type { Request, Response } from 'express';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';
import { answer } from './answer.ts';
import { readCall } from './read-call.ts';
import { receiveImage } from './receive-image.ts';
import { submit } from './submit.ts';
import { waitForJob } from './wait-for-job.ts';

/** One operation on three paths: an image in, its faces out, or the job that finds them. */
export function detectionRoutes(services: Services): Route[] {
  const handle = (request: Request, response: Response) => detect(services, request, response);
  const paths = ['/face_detection', '/face-detection', '/invocations'];
  return paths.map((path) => ({ method: 'post', path, scope: 'detect', body: true, handle }));
}

async function detect(services: Services, request: Request, response: Response): Promise<void> {
  const call = await readCall(services, request, response);
  // The wait begins before the submit, so that no end is missed.
  using wait = services.queue.wait(call.jobId);
  const accepted = await receiveImage(call, (image) => submit(call, image));
  const state = await waitForJob(call, accepted, wait);
  answer(call, state);
}
