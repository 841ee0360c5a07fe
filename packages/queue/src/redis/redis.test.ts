import { ConfigError } from '@facequeue/schema/config';
import { describe, expect, it } from 'vitest';
import { publicError } from './errors.ts';
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
    ['odd', 'unavailable'],
  ])('%s becomes %s', (error, code) => expect(publicError(error)).toMatchObject({ code }));

  it('contains no address for callers, and no image for the log', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:6379'), { command: { args: ['image'] } });
    const publicOne = publicError(error);
    expect(publicOne.message).not.toContain('10.1.2.3');
    expect(publicOne.cause).toBe(error);
    expect(error).not.toHaveProperty('command');
    expect(publicError(publicOne)).toBe(publicOne);
  });
});
