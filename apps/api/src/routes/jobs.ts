import { jobResource } from '@facequeue/schema/job-resource';
import { contextOf } from '../http/context.ts';
import { knownJob } from '../jobs/known.ts';
import type { Services } from '../services.ts';
import type { Route } from './route.ts';

export function jobRoutes({ queue, config }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/jobs/{id}',
      async handle(request, response) {
        const job = await knownJob(queue, String(request.params['id']), contextOf(response).owner);
        contextOf(response).jobId = job.id;
        response.json(jobResource(job, config.BASE_PATH));
      },
    },
  ];
}
