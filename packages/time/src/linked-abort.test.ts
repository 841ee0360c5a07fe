import { describe, expect, it } from 'vitest';
import { linkedAbort } from './linked-abort.ts';
import { countedSignal } from './testing/counted-signal.ts';

describe('a linked abort', () => {
  it('aborts when the first source aborts, with its reason', () => {
    const [first, second] = [countedSignal(), countedSignal()];
    using linked = linkedAbort(first.signal, undefined, second.signal);
    expect(linked.signal.aborted).toBe(false);
    second.controller.abort('second');
    first.controller.abort('first');
    expect(linked.signal.reason).toBe('second');
  });

  it('is aborted from the start when a source is', () => {
    const open = countedSignal();
    using linked = linkedAbort(open.signal, AbortSignal.abort('before'));
    expect(linked.signal.reason).toBe('before');
    expect(open.listeners()).toBe(0);
  });

  it('aborts alone, without its sources', () => {
    const source = countedSignal();
    using linked = linkedAbort(source.signal);
    linked.abort('own');
    expect(linked.signal.reason).toBe('own');
    expect(source.signal.aborted).toBe(false);
  });

  it('leaves no listener on its sources once it is disposed or has aborted', () => {
    const [first, second] = [countedSignal(), countedSignal()];
    const aborted = linkedAbort(first.signal, second.signal);
    expect([first.listeners(), second.listeners()]).toEqual([1, 1]);
    aborted.abort();
    expect([first.listeners(), second.listeners()]).toEqual([0, 0]);
    linkedAbort(first.signal, second.signal).dispose();
    {
      using _ = linkedAbort(first.signal, second.signal);
    }
    expect([first.listeners(), second.listeners()]).toEqual([0, 0]);
  });

  it('follows nothing after it is disposed', () => {
    const source = countedSignal();
    const linked = linkedAbort(source.signal);
    linked.dispose();
    source.controller.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});
