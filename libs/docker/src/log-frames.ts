import { HeddleError } from '@heddle/model';
import type { LogLine } from './engine';

/** One record of the engine's multiplexed log stream. */
export interface LogFrame {
  readonly stream: 'stdout' | 'stderr';
  readonly payload: Buffer;
}

const HEADER_BYTES = 8;
/** The engine cuts records at 16 KiB; anything far beyond it means that the stream is not what we think. */
const MAX_FRAME_BYTES = 1024 * 1024;
const MAX_LINE_BYTES = 64 * 1024;

/**
 * Cuts the engine's log stream into frames: one byte of stream (0 and 1 stdout, 2 stderr), three zero bytes, the length
 * as 32-bit big-endian, the payload. Memory is bounded by one frame.
 */
export class FrameDecoder {
  private pending: Buffer = Buffer.alloc(0);

  /** The frames completed by this chunk. Throws `internal` when the bytes are not a multiplexed stream. */
  push(chunk: Buffer): LogFrame[] {
    let rest = this.pending.length > 0 ? Buffer.concat([this.pending, chunk]) : chunk;
    const frames: LogFrame[] = [];
    while (rest.length >= HEADER_BYTES) {
      const kind = rest.readUInt8(0);
      const length = rest.readUInt32BE(4);
      if (kind > 2 || length > MAX_FRAME_BYTES) {
        throw new HeddleError(
          'internal',
          `the log stream is not multiplexed (found header ${rest.subarray(0, HEADER_BYTES).toString('hex')}); a container with a terminal has no such log`,
        );
      }
      if (rest.length < HEADER_BYTES + length) break;
      frames.push({
        stream: kind === 2 ? 'stderr' : 'stdout',
        payload: rest.subarray(HEADER_BYTES, HEADER_BYTES + length),
      });
      rest = rest.subarray(HEADER_BYTES + length);
    }
    this.pending = Buffer.from(rest);
    return frames;
  }
}

/**
 * Joins frames to lines. A frame is one record of the engine: a line with its newline, or a 16 KiB piece of a longer
 * one, each with a time of its own when times were asked for.
 */
export class LineAssembler {
  private readonly open = { stdout: new OpenLine(), stderr: new OpenLine() };

  constructor(private readonly timestamps: boolean) {}

  push({ stream, payload }: LogFrame): LogLine[] {
    const { time, text } = this.timestamps ? splitTime(payload) : { time: undefined, text: payload };
    const line = this.open[stream];
    const lines: LogLine[] = [];
    let rest = text;
    while (rest.length > 0) {
      const newline = rest.indexOf(0x0a);
      const piece = newline < 0 ? rest : rest.subarray(0, newline);
      const room = MAX_LINE_BYTES - line.bytes;
      line.add(piece.subarray(0, room), time);
      if (piece.length > room) {
        lines.push(line.take(stream));
        rest = rest.subarray(room);
      } else if (newline >= 0) {
        lines.push(line.take(stream));
        rest = rest.subarray(newline + 1);
      } else {
        rest = rest.subarray(piece.length);
      }
    }
    return lines;
  }

  /** Lines that never got their newline. */
  end(): LogLine[] {
    return (['stdout', 'stderr'] as const).filter((s) => this.open[s].bytes > 0).map((s) => this.open[s].take(s));
  }
}

class OpenLine {
  bytes = 0;
  private pieces: Buffer[] = [];
  private time: string | undefined;

  add(piece: Buffer, time: string | undefined): void {
    // The first piece dates the line.
    if (this.bytes === 0) this.time = time;
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  take(stream: LogLine['stream']): LogLine {
    const text = Buffer.concat(this.pieces).toString('utf8');
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    const time = this.time;
    this.bytes = 0;
    this.pieces = [];
    this.time = undefined;
    return { stream, line, ...(time === undefined ? {} : { time }) };
  }
}

function splitTime(payload: Buffer): { time: string | undefined; text: Buffer } {
  const space = payload.indexOf(0x20);
  const time = space > 0 && space <= 40 ? payload.toString('latin1', 0, space) : '';
  if (!/^\d{4}-\d{2}-\d{2}T/.test(time)) return { time: undefined, text: payload };
  return { time, text: payload.subarray(space + 1) };
}
