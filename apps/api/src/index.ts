export { type Gateway, startGateway } from './gateway.ts';
export { type GatewayConfig, gatewayVariables } from './variables.ts';
