/**
 * Names that keep a retired word, and why. Three reasons count: the name is public (HTTP, metrics, settings, command line), it is
 * stored in Redis, or a library or the field gave it.
 */
export const ALLOWED: Record<string, string> = {
  // Public.
  MAX_WAITING_JOBS: 'setting',
  START_WITHIN: 'setting',
  rounds: 'option of `npm run bench`: a round measures each subject',
  maxWaiting: 'option of packages/queue named after MAX_WAITING_JOBS',
  waiting: 'count of batches, cameras and queues in HTTP answers; status of a webhook',
  gone: 'code of an error, status of a webhook',
  facequeue_jobs_told_total: 'metric',
  facequeue_oldest_waiting_seconds: 'metric',
  facequeue_permits_waiting: 'metric',
  // Stored in Redis.
  waiting_key: 'key `waiting:`',
  // From libraries and the field.
  hand: 'setting of @vladmandic/human',
  CUDA_DEVICE_ORDER: 'environment variable of CUDA',
  byteOrder: 'byte order of TIFF and EXIF',
  inOrder: 'sort order',
  once: 'option of DOM and Node event listeners',
};
