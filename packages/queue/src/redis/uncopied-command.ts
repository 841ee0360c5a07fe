import type { Writable } from 'node:stream';
import { Command } from 'ioredis';

/** Arguments of at least so many bytes are not copied: a copy of a shorter one costs less than a write of its own. */
const LONG_BYTES = 1 << 14;

/** Whether a command has an argument that should not be copied. */
export const hasLongBytes = (args: readonly unknown[]): boolean =>
  args.some((arg) => arg instanceof Uint8Array && arg.length >= LONG_BYTES);

/**
 * A command that writes its bytes to the socket without a copy. ioredis' own commands first copy all arguments into one new buffer: for an
 * image that is as much memory again, which stays until the next full collection. The bytes must not change or be freed before the reply.
 */
export class UncopiedCommand extends Command {
  override toWritable(socket: object): string {
    const stream = socket as Writable;
    // All parts leave in one system call, together with what else this turn of the event loop writes.
    stream.cork();
    process.nextTick(() => stream.uncork());
    let text = `*${this.args.length + 1}\r\n$${Buffer.byteLength(this.name)}\r\n${this.name}\r\n`;
    for (const arg of this.args as (string | Buffer)[]) {
      text += `$${Buffer.byteLength(arg)}\r\n`;
      if (typeof arg === 'string') {
        text += `${arg}\r\n`;
      } else {
        stream.write(text);
        stream.write(arg);
        text = '\r\n';
      }
    }
    return text;
  }
}
