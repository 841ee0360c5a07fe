import type { ServerResponse } from 'node:http';

/** Resolves when the buffer of an answer is empty again or its connection is closed. Call it after a write that returned false. */
export function untilWritable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}
