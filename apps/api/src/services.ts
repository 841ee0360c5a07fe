import type { Registry } from '@facequeue/metrics';
import type { GatewayQueue } from '@facequeue/queue';
import type { Logger } from 'pino';
import type { BodyBudget } from './body/budget.ts';
import type { Drain } from './server/drain.ts';
import type { GatewayConfig } from './variables.ts';

/** What the routes work with. */
export interface Services {
  config: GatewayConfig;
  queue: GatewayQueue;
  budget: BodyBudget;
  drain: Drain;
  log: Logger;
  metrics: Registry;
  version: string;
}
