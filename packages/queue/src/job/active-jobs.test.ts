import { describe, expect, it } from 'vitest';
import { ActiveJobs } from './active-jobs.ts';

describe('active jobs', () => {
  it('are found by the job once a token was claimed, by the delivery before that, and by neither once removed', () => {
    const jobs = new ActiveJobs();
    const active = jobs.add('turn-1', 'bulk');
    expect([jobs.get('turn-1'), jobs.ofJob('turn-1'), jobs.claimedIds]).toEqual([active, active, []]);
    jobs.claimed('turn-1', { id: 'a', attempt: 3 });
    expect([jobs.get('turn-1'), jobs.ofJob('a'), jobs.ofJob('turn-1')]).toEqual([active, active, undefined]);
    expect(jobs.claimedIds).toEqual(['a']);
    expect(active).toMatchObject({ jobId: 'a', attempt: 3, queue: 'bulk' });
    jobs.remove(active);
    expect([jobs.get('turn-1'), jobs.ofJob('a'), jobs.claimedIds]).toEqual([undefined, undefined, []]);
  });

  it('delivered again belong to the newer handler: the older one is aborted and its end removes nothing', () => {
    const jobs = new ActiveJobs();
    const older = jobs.add('a', 'interactive');
    jobs.claimed('a', { id: 'a', attempt: 1 });
    const newer = jobs.add('a', 'interactive');
    jobs.claimed('a', { id: 'a', attempt: 2 });
    const lost = { name: 'JobAborted', reason: 'lock_lost', message: 'the job was delivered again' };
    expect(older.signal.reason).toMatchObject(lost);
    expect(newer.signal.aborted).toBe(false);
    jobs.remove(older);
    expect([jobs.get('a'), jobs.ofJob('a')]).toEqual([newer, newer]);
    expect(jobs.claimedIds).toEqual(['a']);
    newer.abort('canceled');
    expect(newer.signal.reason).toMatchObject({ reason: 'canceled', message: 'the job was canceled' });
    jobs.remove(newer);
    expect([jobs.get('a'), jobs.ofJob('a')]).toEqual([undefined, undefined]);
  });

  it('are delivered again only for a release of their own claim', () => {
    const jobs = new ActiveJobs();
    const active = jobs.add('a', 'interactive');
    jobs.released('a', 1, 100);
    expect(active.redeliverAfterMs).toBeNull();
    jobs.claimed('a', { id: 'a', attempt: 2 });
    jobs.released('a', 1, 100);
    jobs.released('b', 2, 100);
    expect(active.redeliverAfterMs).toBeNull();
    jobs.released('a', 2, 100);
    expect(active.redeliverAfterMs).toBe(100);
  });

  it('of other processes are ignored', () => {
    const jobs = new ActiveJobs();
    jobs.claimed('a', { id: 'a', attempt: 1 });
    expect(jobs.ofJob('a')).toBeUndefined();
  });
});
