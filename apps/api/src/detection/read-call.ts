import { newJobId } from '@facequeue/queue';
import { type DetectionOptions, type QueueName, readDetectionQuery } from '@facequeue/schema';
import type { Request, Response } from 'express';
import { refuseWhenFull } from '../admission/load-shedding.ts';
import { webhookReceiver } from '../auth/webhook-receiver.ts';
import { type AnnouncedBody, announcedBody } from '../body/image-body.ts';
import { type UploadLimits, uploadLimits } from '../body/upload-limits.ts';
import { contextOf, type RequestContext } from '../http/context.ts';
import { queryOf } from '../http/route.ts';
import type { Services } from '../services.ts';
import { compatOptions } from './compat-options.ts';
import { readIdempotencyKey } from './idempotency.ts';
import { type Preferences, readPreferences } from './prefer.ts';

/** One detection call: the record that every step works on. */
export interface DetectionCall {
  services: Services;
  request: Request;
  response: Response;
  context: RequestContext;
  /** Id of the job this call submits. */
  jobId: string;
  queueName: QueueName;
  options: DetectionOptions;
  webhookUrl: string | undefined;
  idempotencyKey: string | null;
  preferences: Preferences;
  /** Whether to answer with the job at once, whatever its state. */
  immediate: boolean;
  /** How long the answer may wait for the job's end, milliseconds. */
  waitMs: number;
  /** The answer when that time is up: the job (202), or the error wait_timeout (504). */
  onTimeout: 'job' | 'error';
  body: AnnouncedBody;
  limits: UploadLimits;
}

/**
 * Reads everything but the body, and refuses what the headers rule out, before the body is requested.
 * @throws the errors of an invalid request; unsupported_media_type, body_too_large, queue_full, quota_exceeded, unavailable
 */
export async function readCall(services: Services, request: Request, response: Response): Promise<DetectionCall> {
  const { config, queue } = services;
  const context = contextOf(response);
  response.vary('Prefer');

  const preferences = readPreferences(request.headers.prefer);
  const idempotencyKey = readIdempotencyKey(request.headers['idempotency-key']);
  const { options, queue: queueName, webhookUrl } = readDetectionQuery(queryOf(request));
  const receiver =
    webhookUrl === undefined ? undefined : webhookReceiver(webhookUrl, context.owner, config.WEBHOOK_SECRETS);
  const limits = uploadLimits(config, context);
  const body = announcedBody(request, limits.maxImageBytes);
  // A repeated call gets its job however full the queue is, and only the submit can recognize one.
  if (idempotencyKey === null) await refuseWhenFull(queue, queueName, context.flow);

  const { respondAsync, waitMs } = preferences;
  const immediate = respondAsync && waitMs === null;
  if (!immediate) services.openWaits.take(context.flow, response);
  return {
    services,
    request,
    response,
    context,
    jobId: newJobId(),
    queueName,
    options: compatOptions(options, config),
    webhookUrl: receiver,
    idempotencyKey,
    preferences,
    immediate,
    waitMs: waitMs ?? config.SYNC_WAIT,
    onTimeout: respondAsync || waitMs !== null ? 'job' : 'error',
    body,
    limits,
  };
}
