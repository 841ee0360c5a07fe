import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

describe('a log line', () => {
  it('is a JSON object with the level by name, the process, the time and no host name', () => {
    const lines: string[] = [];
    const log = createLogger('worker', 'info', (line) => lines.push(line));
    log.child({ job_id: 'j' }).warn({ err: new Error('broken') }, 'job failed');
    log.debug('not written');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\}\n$/);
    const line = JSON.parse(lines[0]!);
    expect(line).toMatchObject({
      level: 'warn',
      app: 'worker',
      job_id: 'j',
      msg: 'job failed',
      err: { message: 'broken' },
    });
    expect(Object.keys(line).sort()).toEqual(['app', 'err', 'job_id', 'level', 'msg', 'time']);
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it('is not written when the log is silent', () => {
    const lines: string[] = [];
    createLogger('worker', 'silent', (line) => lines.push(line)).fatal('not written');
    expect(lines).toEqual([]);
  });
});
