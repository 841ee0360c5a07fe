/** Schema of the body of an error answer, and of the `error` member of jobs and items. `toProblem` of errors.ts makes one. */
import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';

export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(ERROR_CODES),
    job_id: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a code of the catalogue.' });
