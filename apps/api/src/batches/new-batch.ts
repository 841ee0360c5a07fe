import { type NewBatch, newJobId } from '@facequeue/queue';
import type { BatchCall } from '@facequeue/schema';
import { checkListing, checkOutput, s3Url } from '@facequeue/source/s3-locations';
import { webhookReceiver } from '../auth/webhook-receiver.ts';
import type { GatewayConfig } from '../variables.ts';

/**
 * The batch that a call asks for, with a new id. What no worker may read or write is refused here, so that nobody waits for it.
 * @param caller name of its API key, and the id of its request
 * @throws invalid_request, source_forbidden
 */
export function newBatch(
  { open, options, webhookUrl, output, listing }: BatchCall,
  { owner, requestId }: { owner: string; requestId: string },
  config: GatewayConfig,
): NewBatch {
  const listed = listing && checkListing(listing.prefix, config.S3_SOURCE_PREFIXES);
  const written = output && checkOutput(output.url, config.S3_OUTPUT_PREFIXES);
  return {
    id: newJobId(),
    owner,
    requestId,
    options: config.COMPAT === 'aws' ? { ...options, orient: false } : options,
    open,
    ...(webhookUrl !== undefined && { webhookUrl: webhookReceiver(webhookUrl, owner, config) }),
    ...(listed && {
      listing: { url: s3Url({ bucket: listed.bucket, key: listed.prefix }), suffixes: listing.suffixes },
    }),
    ...(written && { output: { url: s3Url(written), overwrite: output.overwrite } }),
  };
}
