/**
 * The states of a job and the moves between them, as a table and as a pure function. The scripts in ../job do the same in
 * Redis; job-model.test.ts runs both side by side.
 */
import { isTerminal, type JobStatus } from '@facequeue/schema';

/**
 * A job that a worker has claimed stays `queued` while its bytes are fetched: it may fail there, and it may still expire.
 * A job returns to `queued` when its worker died or released it. The sweep returns it without ending the claim, so a worker
 * that was only slow can still finish. Erasing a live job cancels it first; then there is no record left for any event.
 * A webhook is `waiting` while its job is live and becomes `pending` in the script that ends the job.
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

/** What decides a job's next move. */
export interface State {
  status: JobStatus;
  attempts: number;
  /** Attempts that do not count towards the limit. */
  forgiven: number;
  /** BullMQ's lock under which the current claim was made, '' for none; null when the job is not claimed. */
  claimedUnder: string | null;
  /** BullMQ's lock now; '' for none. */
  lock: string;
  /** Past the deadline to start. Each return to the queue sets a new deadline. */
  overdue: boolean;
  /** The attempt that ended the job. */
  endedBy: number | null;
}

export type Event<Attempt = number> =
  | { kind: 'claim'; by: string }
  | { kind: 'start'; attempt: Attempt }
  | { kind: 'release'; attempt: Attempt; forgiven: boolean }
  | { kind: 'finish'; attempt: Attempt; status: 'succeeded' | 'failed' }
  | { kind: 'cancel' | 'sweep' | 'overdue' }
  | { kind: 'lock'; token: string };

/** A job just submitted. */
export function fresh(): State {
  return { status: 'queued', attempts: 0, forgiven: 0, claimedUnder: null, lock: '', overdue: false, endedBy: null };
}

/**
 * @returns the state after the event, and whether the request behind the event succeeded
 */
export function apply(state: State, event: Event, maxAttempts: number): { state: State; answer: boolean } {
  const live = !isTerminal(state.status);
  const stays = (answer: boolean) => ({ state, answer });
  const moves = (changes: Partial<State>, answer: boolean) => ({ state: { ...state, ...changes }, answer });
  const ended = (status: JobStatus) => ({ status, claimedUnder: null });
  const claimedBy = (attempt: number) => live && state.claimedUnder !== null && state.attempts === attempt;

  switch (event.kind) {
    case 'lock':
      return moves({ lock: event.token }, true);
    case 'overdue':
      return state.status === 'queued' ? moves({ overdue: true }, true) : stays(true);
    case 'claim': {
      if (!live || state.claimedUnder === state.lock) return stays(false);
      const overdue = state.overdue && state.status === 'queued';
      if (overdue) return moves(ended('expired'), false);
      if (state.attempts - state.forgiven >= maxAttempts) return moves(ended('failed'), false);
      return moves({ status: 'queued', attempts: state.attempts + 1, claimedUnder: state.lock, overdue: false }, true);
    }
    case 'start':
      if (!claimedBy(event.attempt)) return stays(false);
      if (state.status === 'processing') return stays(true);
      return state.overdue ? moves(ended('expired'), false) : moves({ status: 'processing' }, true);
    case 'finish':
      if (!claimedBy(event.attempt)) return stays(state.endedBy === event.attempt);
      return moves({ ...ended(event.status), endedBy: event.attempt }, true);
    case 'release':
      if (claimedBy(event.attempt)) {
        const forgiven = state.forgiven + (event.forgiven ? 1 : 0);
        return moves({ status: 'queued', claimedUnder: null, overdue: false, forgiven }, true);
      }
      // A repeat after a lost reply.
      return stays(state.status === 'queued' && state.claimedUnder === null && state.attempts === event.attempt);
    case 'cancel':
      return live ? moves(ended('canceled'), true) : stays(false);
    case 'sweep':
      if (state.status === 'processing' && state.lock === '') return moves({ status: 'queued', overdue: false }, true);
      return state.status === 'queued' && state.overdue ? moves(ended('expired'), true) : stays(true);
  }
}
