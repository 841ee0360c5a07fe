export { freeMemory } from './free-memory.ts';
export { createLogger, type Logger, openLogger } from './logger.ts';
export { type MisspeltSetting, misspeltMessage, misspeltSettings } from './misspelt.ts';
export { type RunningService, runService, type ServiceOptions } from './run-service.ts';
export { commonVariables, LOG_LEVELS, type LogLevel } from './variables.ts';
