import { HeddleError } from '@heddle/model';
import { HEADER_BYTES, type Message } from './header';

/** Cuts a byte stream into OpenFlow messages by the length in their headers. */
export class MessageFramer {
  private rest: Buffer = Buffer.alloc(0);

  /**
   * The messages that `chunk` completes.
   *
   * @throws HeddleError `invalid` for a length that cannot be; the stream cannot be continued after it.
   */
  push(chunk: Buffer): Message[] {
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    const messages: Message[] = [];
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const length = data.readUInt16BE(at + 2);
      if (length < HEADER_BYTES) {
        throw new HeddleError('invalid', `an OpenFlow message of ${length} bytes, at least ${HEADER_BYTES} are needed`);
      }
      if (data.length - at < length) break;
      const bytes = data.subarray(at, at + length);
      messages.push({ version: bytes.readUInt8(0), type: bytes.readUInt8(1), xid: bytes.readUInt32BE(4), bytes });
      at += length;
    }
    this.rest = data.subarray(at);
    return messages;
  }
}
