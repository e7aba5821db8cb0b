const INITIAL_BYTES = 4096;

/** A buffer that grows, for network-order integers. Positions let lengths be filled in afterwards. */
export class Writer {
  private buffer = Buffer.alloc(INITIAL_BYTES);
  private end = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.end;
  }

  u8(value: number): this {
    const at = this.grow(1);
    this.buffer.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.grow(2);
    this.buffer.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.grow(4);
    this.buffer.writeUInt32BE(value, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.grow(8);
    this.buffer.writeBigUInt64BE(value, at);
    return this;
  }

  /** An unsigned integer of 1 to 16 bytes; bits above are cut off. */
  uint(value: bigint, bytes: number): this {
    if (bytes > 8) {
      this.uint(value >> 64n, bytes - 8);
      return this.uint(value, 8);
    }
    if (bytes === 8) return this.u64(BigInt.asUintN(64, value));
    const at = this.grow(bytes);
    if (bytes <= 6) this.buffer.writeUIntBE(Number(BigInt.asUintN(8 * bytes, value)), at, bytes);
    else {
      this.buffer.writeUIntBE(Number(BigInt.asUintN(8, value >> 48n)), at, 1);
      this.buffer.writeUIntBE(Number(BigInt.asUintN(48, value)), at + 1, 6);
    }
    return this;
  }

  zeros(bytes: number): this {
    const at = this.grow(bytes);
    this.buffer.fill(0, at, at + bytes);
    return this;
  }

  bytes(data: Uint8Array): this {
    const at = this.grow(data.length);
    this.buffer.set(data, at);
    return this;
  }

  hex(text: string): this {
    return this.bytes(Buffer.from(text, 'hex'));
  }

  /** Zeros up to the next multiple of 8 bytes after `start`. */
  pad8(start: number): this {
    return this.zeros(-(this.end - start) & 7);
  }

  /** Writes the bytes since `start` as a 16-bit length at `position`. */
  fillLength(position: number, start: number): void {
    const length = this.end - start;
    if (length > 0xffff) throw new RangeError(`${length} bytes do not fit an OpenFlow length of 16 bits`);
    this.buffer.writeUInt16BE(length, position);
  }

  /** The bytes written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.end);
  }

  /** Makes room and returns where it starts; the buffer may be another one afterwards. */
  private grow(bytes: number): number {
    const at = this.end;
    this.end += bytes;
    if (this.end > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(this.end, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    return at;
  }
}

/** An unsigned integer of 1 to 16 bytes in network order. */
export function readUint(buffer: Buffer, offset: number, bytes: number): bigint {
  if (bytes > 8) {
    return (readUint(buffer, offset, bytes - 8) << 64n) | buffer.readBigUInt64BE(offset + bytes - 8);
  }
  if (bytes === 8) return buffer.readBigUInt64BE(offset);
  if (bytes === 7) return (BigInt(buffer.readUInt8(offset)) << 48n) | BigInt(buffer.readUIntBE(offset + 1, 6));
  return BigInt(buffer.readUIntBE(offset, bytes));
}
