/** One attempt to deliver a webhook. Times are Unix milliseconds. */
export interface WebhookAttempt {
  at: number;
  /** Status the receiver answered; null when it did not answer. */
  status: number | null;
  /** Public text of what went wrong; null when nothing did. */
  error: string | null;
  ms: number;
}

/** The webhook of a job or batch. `waiting` until that ends; `gone`: the receiver answered 410. */
export interface WebhookState {
  url: string;
  status: 'waiting' | 'pending' | 'delivered' | 'failed' | 'gone';
  /** The last few attempts, oldest first. */
  attempts: WebhookAttempt[];
  /** When the next attempt is due; null when there will be none. */
  nextAt: number | null;
}
