/** The log-odds of a probability above 0 and below 1. */
export function logit(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** The probability with these log-odds: the inverse of `logit`. */
export function sigmoid(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

/** A probability at least `leastDoubt` from 0 and 1, where log-odds have no bound. */
export function bounded(probability: number, leastDoubt: number): number {
  return Math.min(1 - leastDoubt, Math.max(leastDoubt, probability));
}
