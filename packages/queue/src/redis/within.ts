import { publicError } from './errors.ts';

/**
 * Waits for an answer, but not for ever. The question itself goes on.
 * @throws unavailable after `ms`
 */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(publicError(new Error(`no answer within ${ms} ms`))), ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
