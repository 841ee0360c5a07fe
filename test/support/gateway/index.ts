/** A real gateway in this process, and workers that answer without models. */
export { apiKeys, keyOf } from './api-keys.ts';
export {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  DETAILED_OUTCOME,
  DETAILED_RESULT,
  startCannedWorker,
  startWebhookWorker,
} from './canned-worker.ts';
export { type TestKey, TestKeysFile } from './keys-file.ts';
export { type GatewayPair, startGatewayPair, startTestGateway, type TestGateway } from './test-gateway.ts';
