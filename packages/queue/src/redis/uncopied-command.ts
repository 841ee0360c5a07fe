import type { Writable } from 'node:stream';
import { Command } from 'ioredis';

/** From this many bytes on, an argument is not worth a copy. */
const LONG_BYTES = 1 << 14;

/** Whether a command with these arguments should be an `UncopiedCommand`. */
export const hasLongBytes = (args: readonly unknown[]): boolean =>
  args.some((arg) => arg instanceof Uint8Array && arg.length >= LONG_BYTES);

/**
 * A command that writes its bytes to the socket as they are. ioredis' own commands first copy all arguments into one new buffer: of an
 * image, as much memory again, which stays until the next full collection.
 */
export class UncopiedCommand extends Command {
  override toWritable(socket: object): string {
    const stream = socket as Writable;
    // All parts leave in one system call, with the rest of what this turn of the event loop writes.
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
