/**
 * FNV-1a, 64 bits (Fowler, Noll, Vo), over the UTF-8 bytes of a text, as 16 hex digits. Not cryptographic: it tells
 * versions apart, it protects nothing.
 *
 * The state is kept in two halves of 32 bits; with the prime 2^40 + 0x1b3 every product stays below 2^53.
 */
export function fnv1a64(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of new TextEncoder().encode(text)) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (high * 0x1b3 + carry + ((low << 8) >>> 0)) % 0x1_0000_0000;
    low = product % 0x1_0000_0000;
  }
  return hex(high) + hex(low);
}

const hex = (half: number): string => half.toString(16).padStart(8, '0');
