import { type NewBatch, newJobId } from '@facequeue/queue';
import { type BatchCall, requireSource } from '@facequeue/schema';
import { checkListing, checkOutput, s3Url } from '@facequeue/source/s3-locations';
import { webhookReceiver } from '../auth/webhook-receiver.ts';
import type { UploadLimits } from '../body/upload-limits.ts';
import { compatOptions } from '../detection/compat-options.ts';
import type { Services } from '../services.ts';

/**
 * The batch that a call asks for, with a new id. Locations that no worker may read or write are refused here, at once.
 * @param caller name of its API key, its flow, and the id of its request
 * @throws invalid_request, source_forbidden
 */
export function newBatch(
  { open, options, webhookUrl, output, listing }: BatchCall,
  { owner, flow, requestId }: { owner: string; flow: string; requestId: string },
  config: Services['config'],
  { sources, maxFetchedBytes, maxPending }: Pick<UploadLimits, 'sources' | 'maxFetchedBytes' | 'maxPending'>,
): NewBatch {
  if (listing) requireSource(sources, 's3');
  const listed = listing && checkListing(listing.prefix, config.S3_SOURCE_PREFIXES);
  const target = output && checkOutput(output.url, config.S3_OUTPUT_PREFIXES);
  return {
    id: newJobId(),
    owner,
    flow,
    ...(maxPending !== null && { maxPending }),
    requestId,
    options: compatOptions(options, config),
    open,
    ...(maxFetchedBytes !== null && { maxImageBytes: maxFetchedBytes }),
    ...(webhookUrl !== undefined && { webhookUrl: webhookReceiver(webhookUrl, owner, config.WEBHOOK_SECRETS) }),
    ...(listed && {
      listing: { url: s3Url({ bucket: listed.bucket, key: listed.prefix }), suffixes: listing.suffixes },
    }),
    ...(target && { output: { url: s3Url(target), overwrite: output.overwrite } }),
  };
}
