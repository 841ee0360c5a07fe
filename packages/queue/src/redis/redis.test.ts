import { ConfigError } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import { publicError, withoutCommand } from './errors.ts';
import { checkedPrefix } from './key-prefix.ts';

describe('a key prefix', () => {
  it.each(['{fq}', 'eu:{fq-2}', '{a}.b'])('%s is accepted', (prefix) => expect(checkedPrefix(prefix)).toBe(prefix));
  it.each(['fq', '{}', '{fq', '{f*}', '', '{a}{b}'])('%s is refused, with the name of the setting', (prefix) => {
    expect(() => checkedPrefix(prefix)).toThrow(ConfigError);
    expect(() => checkedPrefix(prefix)).toThrow('QUEUE_PREFIX');
  });
});

describe('an error of Redis', () => {
  const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
  it.each([
    [new Error('connect ECONNREFUSED 10.1.2.3:6379'), 'unavailable'],
    [reply('LOADING Redis is loading the dataset in memory'), 'unavailable'],
    [reply('NOAUTH Authentication required.'), 'unavailable'],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'queue_full'],
    [reply('ERR Error running script: OOM command not allowed'), 'queue_full'],
    [reply('ERR user_script:3: attempt to index a nil value'), 'internal_error'],
    [reply('WRONGTYPE Operation against a key holding the wrong kind of value'), 'internal_error'],
    [reply('CROSSSLOT Keys in request do not hash to the same slot'), 'internal_error'],
    [reply('NOSCRIPT No matching script.'), 'internal_error'],
    [reply('ERRATIC'), 'unavailable'],
    [reply('an ERR in the middle'), 'unavailable'],
    [new Error('ERR of our own'), 'unavailable'],
    ['odd', 'unavailable'],
  ])('%s becomes %s', (error, code) => {
    const texts = {
      unavailable: 'the queue is not reachable',
      queue_full: 'the queue has no memory left',
      internal_error: 'the queue refused a command',
    };
    expect(publicError(error)).toMatchObject({ code, message: texts[code as keyof typeof texts] });
  });

  it('that is none becomes one with its text', () => {
    expect(withoutCommand('odd')).toEqual(new Error('odd'));
  });

  it('contains no address for callers, and no image for the log', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:6379'), { command: { args: ['image'] } });
    const publicOne = publicError(error);
    expect(publicOne.message).not.toContain('10.1.2.3');
    expect(publicOne.cause).toBe(error);
    expect(error).not.toHaveProperty('command');
    expect(publicError(publicOne)).toBe(publicOne);
  });
});
