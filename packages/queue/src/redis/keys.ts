/** Names of keys and channels in Redis. keys.lua describes each and makes the same names for scripts. */

/** Keys of one installation. Those that take a name belong to one job, batch, camera, lane, queue or webhook host. */
export interface Keys {
  readonly job: (id: string) => string;
  readonly blob: (id: string) => string;
  readonly reservation: (key: string) => string;
  readonly waiting: (queue: string) => string;
  readonly delivery: (id: string) => string;
  readonly pending: (host: string) => string;
  readonly leases: (host: string) => string;
  readonly batch: (id: string) => string;
  readonly names: (batch: string) => string;
  readonly results: (batch: string) => string;
  readonly active: (batch: string) => string;
  readonly camera: (name: string) => string;
  readonly frames: (camera: string) => string;
  readonly superseded: (camera: string) => string;
  readonly lane: (lane: string) => string;
  readonly flows: (queue: string) => string;
  /** Of "<queue>:<flow>", as the next. */
  readonly lanes: (flow: string) => string;
  readonly jobsLane: (flow: string) => string;
  readonly rate: (owner: string) => string;
  readonly calls: (owner: string) => string;
  readonly use: (owner: string) => string;
  readonly tombstone: (id: string) => string;
  readonly due: string;
  readonly stats: string;
  readonly hosts: string;
  readonly tasks: string;
  readonly cameras: string;
  readonly openBatches: string;
  readonly flowCounts: (kind: string) => string;
  readonly workers: string;
  readonly weights: string;
  readonly flowBytes: string;
  readonly flowResults: string;
  readonly flowWebhooks: string;
  /** Stored as `turns`. */
  readonly laneTokens: string;
  readonly channels: {
    readonly ended: string;
    readonly changed: string;
    readonly canceled: string;
    readonly webhookDue: string;
    readonly taskDue: string;
  };
}

/**
 * @param prefix the installation's, such as `{fq}`
 * @example
 * await redis.hgetall(keysOf('{fq}').job(id))
 */
export function keysOf(prefix: string): Keys {
  const named = (kind: string) => (name: string) => `${prefix}:${kind}:${name}`;
  return {
    job: named('job'),
    blob: named('blob'),
    reservation: named('idem'),
    waiting: named('waiting'),
    delivery: named('delivery'),
    pending: named('pending'),
    leases: named('leases'),
    batch: named('batch'),
    names: named('names'),
    results: named('results'),
    active: named('active'),
    camera: named('camera'),
    frames: named('frames'),
    superseded: named('superseded'),
    lane: named('lane'),
    flows: named('flows'),
    lanes: named('lanes'),
    jobsLane: named('lane:jobs'),
    rate: named('rate'),
    calls: named('calls'),
    use: named('use'),
    tombstone: named('gone'),
    due: `${prefix}:due`,
    stats: `${prefix}:stats`,
    hosts: `${prefix}:hosts`,
    tasks: `${prefix}:tasks`,
    cameras: `${prefix}:cameras`,
    openBatches: `${prefix}:open-batches`,
    flowCounts: named('cameras'),
    workers: `${prefix}:workers`,
    weights: `${prefix}:weights`,
    flowBytes: `${prefix}:flow-bytes`,
    flowResults: `${prefix}:flow-results`,
    flowWebhooks: `${prefix}:flow-webhooks`,
    laneTokens: `${prefix}:turns`,
    channels: {
      ended: `${prefix}:ended`,
      changed: `${prefix}:changed`,
      canceled: `${prefix}:cancel`,
      webhookDue: `${prefix}:delivery`,
      taskDue: `${prefix}:task`,
    },
  };
}
