/** The states of a job and the moves between them. The scripts in ../scripts make the same moves; a test holds them to this. */
import type { JobStatus } from '@facequeue/schema';

/**
 * `queued` covers a job a worker has claimed and whose bytes it fetches: it may fail there, and it still expires.
 * A job goes back to `queued` when its worker died or gave it back; then it may also be finished by that worker after
 * all, as long as no other has claimed it.
 */
const MOVES: Record<JobStatus, readonly JobStatus[]> = {
  queued: ['processing', 'succeeded', 'failed', 'canceled', 'expired'],
  processing: ['queued', 'succeeded', 'failed', 'canceled'],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
};

export function canMove(from: JobStatus, to: JobStatus): boolean {
  return MOVES[from].includes(to);
}
