import { type Logger, pino } from 'pino';

export type { Logger };

/** Structured logs, a JSON object a line on standard output. Never image data, landmarks or query strings of URLs. */
export function createLog(level: string): Logger {
  return pino({ base: { app: 'worker' }, level, timestamp: pino.stdTimeFunctions.isoTime });
}
