import { QUEUE_NAMES, type QueueName } from '@facequeue/schema';
import { STORED_TEXTS } from './texts.ts';

/**
 * Constants of the Lua scripts, by the names they have there. A script gets those that its text mentions
 * (redis/lua-constants.ts), so a constant that both languages need is written once.
 */
export const CONSTANTS = {
  /** In the order of snapshot.lua's reply. */
  QUEUES: QUEUE_NAMES,

  // Admission: the share of each limit that a queue may use. The rest is left to more urgent queues.
  QUEUE_SHARE: { interactive: 1, bulk: 0.8, cameras: 0.8 } satisfies Record<QueueName, number>,
  /** Ended jobs stay in BullMQ's lists until a worker skips them. Without a worker the lists would grow without end. */
  BULLMQ_LIST_FACTOR: 2,
  /** Of the result bytes, for undelivered webhooks: all of them, and those of one host. They are kept for a day. */
  WEBHOOKS_SHARE: 1 / 2,
  HOST_WEBHOOKS_SHARE: 1 / 8,
  /** Of the bytes of results and of webhooks that may be kept: reserved for flows with little, in equal parts, whatever others have. */
  RESULT_RESERVE: 1 / 8,
  /** What a pending job counts in this reserve: a result of about four faces. */
  EXPECTED_RESULT_BYTES: 1024,
  /** Of a queue's share, for one camera: one that floods leaves room for the others. */
  CAMERA_SHARE: 1 / 8,
  /** Of the cameras that may exist, for flows that have fewer than their share. */
  CAMERA_RESERVE: 1 / 8,
  /** Cameras at a time, where no gateway of this release has said how many (MAX_CAMERAS). */
  MAX_CAMERAS: 4096,
  /** Of a flow that must give way, how many cameras are looked at, and how many waiting frames one may have. */
  CAMERAS_TRIED: 16,
  CAMERA_FRAMES_ENDED: 100,
  /**
   * Of Redis' memory, for what is submitted. The rest is for what was accepted: locks, claims, results. A full Redis refuses even to
   * deliver a job to a worker.
   */
  MEMORY_SHARE: 0.9,
  /** How often the list of open batches is compared with the batches, when one is refused. */
  OPEN_CHECK_MS: 1000,
  MIN_RETRY_MS: 1000,
  MAX_RETRY_MS: 30_000,

  // Calls of an owner with limits (quota/).
  /** How long a call counts as in progress after its gateway has last said so. */
  CALL_LEASE_MS: 12_000,
  /** When to try again while as many calls are in progress as may be. */
  CALLS_RETRY_MS: 1000,
  /** How long the use of a key is kept after its last call. */
  USE_KEPT_MS: 90 * 86_400_000,
  /** How long a gateway may repeat a report of calls without its being added twice, ms. */
  USE_REPORT_KEPT_MS: 86_400_000,

  /** A worker that has been silent for this long counts as dead, ms. */
  WORKER_SILENCE_MS: 15_000,

  /** Time constant of all decayed counts: count / 15 s is the rate over the last half minute or so. */
  RATE_TAU_MS: 15_000,
  /** Ends that the mean interval between two ends is taken over. */
  INTERVAL_WINDOW: 64,
  /** A longer interval counts as this: one pause (a restart of all workers) must not make the mean useless. */
  MAX_INTERVAL_MS: 10_000,

  // Lanes.
  /** Tokens of a lane on their way at a time (see lane/lib.lua). */
  LANE_WIDTH: { bulk: 8, cameras: 1 },
  /** How soon the sweep checks that BullMQ has a token. */
  TOKEN_CHECK_MS: 5000,

  // Flows.
  /** Of what may wait, a flow may have so many times what it leaves free: one that is alone leaves an eighth. */
  TIMES_FREE: 7,
  /**
   * Counting what waits in a lane takes a microsecond. Of a flow with more than the first number the sum is kept so long, ms, and no more
   * than the second are looked at: a script must not take milliseconds often, nor many of them ever.
   */
  LANES_COUNTED: 100,
  MOST_LANES: 4000,
  LANES_COUNT_KEPT_MS: 250,
  /** Flows whose jobs the estimate of a caller's wait counts one by one: a script must not read thousands. */
  ESTIMATED_FLOWS: 200,
  /** Later than any time: less this, the times of jobs that were passed over are before those of others (see flow/lib.lua). */
  PASSED_OVER: 1e14,
  /** Flows and their jobs that a sweep checks for entries of ended jobs. */
  TRIMMED_FLOWS: 8,
  TRIMMED_JOBS: 64,

  // How soon the sweep checks that BullMQ still has a job: whenever the job's age has doubled, within these limits, ms. BullMQ loses a
  // job that waits only when someone deletes its keys, so jobs that no worker has claimed yet, of which there may be many, are checked less often.
  MIN_JOB_CHECK_MS: 5000,
  MAX_JOB_CHECK_MS: 60_000,
  MAX_UNCLAIMED_CHECK_MS: 300_000,

  // Batches.
  /** Bytes of a batch besides its caller's texts: 35 short fields. Empty batches must not be free. */
  BATCH_OVERHEAD_BYTES: 2048,
  /** Bytes of a result besides those that depend on its caller or its image. */
  RESULT_OVERHEAD_BYTES: 128,
  /** Bytes of a name in its set besides its text. */
  NAME_OVERHEAD_BYTES: 64,
  /** An open batch that nobody appends to closes after this. */
  BATCH_IDLE_MS: 3_600_000,
  /** A batch whose gateway stops before it settles the batch is erased after this. */
  BATCH_ABANDONED_MS: 60_000,
  /** After this the sweep takes over canceling the rest of a stopped batch from the process that began it. */
  CANCEL_REMAINING_LEASE_MS: 5000,
  /** An item may wait until its batch is done. This limit, a week, is only for items that no worker ever runs. */
  ITEM_START_TIMEOUT_MS: 604_800_000,

  // Cameras.
  /** Results kept of a camera, by number and bytes: a client that reconnects within minutes finds what it missed. */
  CAMERA_RESULTS: 1000,
  CAMERA_RESULT_BYTES: 524_288,
  /** When to post again to a camera that has too many frames waiting. */
  CAMERA_RETRY_MS: 1000,
  /** A camera that has posted nothing for a day is forgotten. */
  CAMERA_FORGOTTEN_MS: 86_400_000,
  /** After this the sweep takes over ending a camera's superseded frames from the process that began it. */
  SUPERSEDE_LEASE_MS: 5000,
  /** How soon the sweep checks again a camera that was not idle. */
  CAMERA_CHECK_MS: 60_000,

  /** Bytes of a webhook delivery's hash besides its result: 25 short fields. */
  WEBHOOK_OVERHEAD_BYTES: 2048,

  ...STORED_TEXTS,
} as const;
