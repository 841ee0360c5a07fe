import type { WebhookDelivery } from '@facequeue/queue';

/** The owner of the job or batch that a delivery reports, and the ids that log lines name it by. */
export function subjectOf({ subject }: WebhookDelivery): { owner: string; ids: Record<string, string> } {
  const { id, owner, requestId } = subject.kind === 'job' ? subject.job : subject.batch;
  return { owner, ids: { [`${subject.kind}_id`]: id, request_id: requestId } };
}
