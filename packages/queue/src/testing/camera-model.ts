import { isTerminal, type JobStatus } from '@facequeue/schema';

/** A frame in the model. */
export interface ModelFrame {
  id: string;
  status: JobStatus;
  superseded: boolean;
  attempts: number;
  /** As in State of job-model.ts. */
  claimedUnder: string | null;
  lock: string;
  /** Past its deadline to start, which is set once. */
  overdue: boolean;
  endedBy: number | null;
  /** The token by which a worker got it. */
  deliveryId: string | null;
  /** Its record was erased. */
  erased: boolean;
}

export const isLive = (frame: ModelFrame) => !isTerminal(frame.status);

/** What a camera should be after each step, in plain lists: what camera/lib.lua and lane/lib.lua do in Redis. */
export class CameraModel {
  readonly frames: ModelFrame[] = [];
  readonly lane: ModelFrame[] = [];
  /** Results in the order in which frames ended. */
  readonly results: string[] = [];
  readonly #maxAttempts: number;

  constructor(maxAttempts: number) {
    this.#maxAttempts = maxAttempts;
  }

  get live(): ModelFrame[] {
    return this.frames.filter(isLive);
  }

  get counts(): Record<string, number> {
    const count = (which: (frame: ModelFrame) => boolean) => this.frames.filter(which).length;
    return {
      posted: this.frames.length,
      waiting: count(({ status }) => status === 'queued'),
      processing: count(({ status }) => status === 'processing'),
      succeeded: count(({ status }) => status === 'succeeded'),
      failed: count(({ status }) => status === 'failed'),
      superseded: count(({ superseded }) => superseded),
      expired: count(({ status }) => status === 'expired'),
      canceled: count(({ status, superseded }) => status === 'canceled' && !superseded),
    };
  }

  post(id: string, keep: 'latest' | 'all'): void {
    if (keep === 'latest') {
      for (const frame of [...this.lane]) {
        frame.superseded = true;
        this.#end(frame, 'canceled');
      }
    }
    const frame: ModelFrame = {
      id,
      status: 'queued',
      superseded: false,
      attempts: 0,
      claimedUnder: null,
      lock: '',
      overdue: false,
      endedBy: null,
      deliveryId: null,
      erased: false,
    };
    this.frames.push(frame);
    this.lane.push(frame);
  }

  /** Its submission failed. @returns whether nothing of it is left */
  unpost(frame: ModelFrame): boolean {
    if (frame.erased) return true;
    if (frame.status !== 'queued' || frame.attempts > 0) return false;
    this.#leaveLane(frame);
    this.frames.splice(this.frames.indexOf(frame), 1);
    return true;
  }

  /** A free token is claimed. @returns the frame it gives */
  claimNext(deliveryId: string): ModelFrame | null {
    for (;;) {
      const frame = this.lane.shift();
      if (!frame) return null;
      if (frame.overdue) this.#end(frame, 'expired');
      else {
        frame.deliveryId = deliveryId;
        this.claim(frame);
        return frame;
      }
    }
  }

  claim(frame: ModelFrame): boolean {
    if (!isLive(frame) || frame.claimedUnder === frame.lock) return false;
    if (frame.overdue) this.#end(frame, 'expired');
    else if (frame.attempts >= this.#maxAttempts) this.#end(frame, 'failed');
    else {
      Object.assign(frame, { status: 'queued', attempts: frame.attempts + 1, claimedUnder: frame.lock });
      return true;
    }
    return false;
  }

  start(frame: ModelFrame, attempt: number): boolean {
    if (!this.#isClaimedBy(frame, attempt)) return false;
    if (frame.status === 'queued' && frame.overdue) {
      this.#end(frame, 'expired');
      return false;
    }
    frame.status = 'processing';
    return true;
  }

  finish(frame: ModelFrame, attempt: number, status: 'succeeded' | 'failed'): boolean {
    if (!this.#isClaimedBy(frame, attempt)) return !frame.erased && frame.endedBy === attempt;
    this.#end(frame, status);
    frame.endedBy = attempt;
    return true;
  }

  release(frame: ModelFrame, attempt: number): boolean {
    if (!this.#isClaimedBy(frame, attempt)) {
      return !frame.erased && frame.status === 'queued' && frame.claimedUnder === null && frame.attempts === attempt;
    }
    Object.assign(frame, { status: 'queued', claimedUnder: null });
    return true;
  }

  cancel(frame: ModelFrame): void {
    if (isLive(frame)) this.#end(frame, 'canceled');
  }

  sweep(frame: ModelFrame): void {
    if (!isLive(frame)) frame.erased = true;
    if (frame.status === 'processing' && frame.lock === '') frame.status = 'queued';
    if (frame.status === 'queued' && frame.overdue) this.#end(frame, 'expired');
  }

  #isClaimedBy(frame: ModelFrame, attempt: number): boolean {
    return isLive(frame) && frame.claimedUnder !== null && frame.attempts === attempt;
  }

  #end(frame: ModelFrame, status: JobStatus): void {
    this.#leaveLane(frame);
    Object.assign(frame, { status, claimedUnder: null });
    if (status === 'succeeded' || status === 'failed') this.results.push(`${frame.id} ${status}`);
  }

  #leaveLane(frame: ModelFrame): void {
    const at = this.lane.indexOf(frame);
    if (at >= 0) this.lane.splice(at, 1);
  }
}
