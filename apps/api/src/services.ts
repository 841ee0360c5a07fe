import type { Registry } from '@facequeue/metrics';
import type { GatewayQueue } from '@facequeue/queue';
import type { Logger } from '@facequeue/service';
import type { FlowPlaces } from './admission/flow-places.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { BodyMemory } from './body/body-memory.ts';
import type { Shutdown } from './http/shutdown.ts';
import type { GatewayConfig } from './variables.ts';

/** What the routes need. */
export interface Services {
  config: GatewayConfig;
  queue: GatewayQueue;
  authenticator: Authenticator;
  bodyMemory: BodyMemory;
  /** Streams of events and results. */
  streams: FlowPlaces;
  /** Calls that wait for the end of a job. */
  openWaits: FlowPlaces;
  shutdown: Shutdown;
  log: Logger;
  metrics: Registry;
  version: string;
}
