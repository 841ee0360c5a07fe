import { isatty } from 'node:tty';
import { type Logger, pino } from 'pino';
import type { LogLevel } from './variables.ts';

export type { Logger };

const STDOUT = 1;

/**
 * Structured logs: one JSON object a line, with the level by name. Never image data, landmarks or query strings of URLs.
 * @param app the process, in every line
 * @param write takes a line with its end of line; standard output, written at once, when absent
 * @example
 * const log = createLogger('worker', config.LOG_LEVEL);
 * log.child({ job_id: id }).info('job succeeded');
 */
export function createLogger(app: string, level: LogLevel, write?: (line: string) => void): Logger {
  const options = {
    base: { app },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return write ? pino(options, { write }) : pino(options);
}

/** A logger on standard output: readable lines where that is a terminal, JSON elsewhere. */
export async function openLogger(app: string, level: LogLevel): Promise<Logger> {
  return isatty(STDOUT) ? createLogger(app, level, await terminalWriter()) : createLogger(app, level);
}

/**
 * Formats in this thread and writes at once. pino-pretty's own stream, and pino's worker threads, would lose the last lines
 * of a process that ends by `process.exit`.
 */
async function terminalWriter(): Promise<(line: string) => void> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'app',
    messageFormat: '{app}: {msg}',
    singleLine: true,
  });
  const output = pino.destination({ dest: STDOUT, sync: true });
  // A closed terminal must not prevent an orderly end of the process.
  output.on('error', () => {});
  return (line) => output.write(format(line));
}
