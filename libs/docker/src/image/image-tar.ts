import { HeddleError } from '@heddle/model';

/** One entry of an image's root file system. Paths are relative, without a leading slash: `bin/sh`. */
export type TarEntry =
  | { readonly path: string; readonly type: 'file'; readonly content: Buffer; readonly mode: number }
  | { readonly path: string; readonly type: 'directory'; readonly mode: number }
  | { readonly path: string; readonly type: 'symlink'; readonly target: string };

const BLOCK = 512;
const TYPE_FLAGS = { file: '0', symlink: '2', directory: '5' } as const;

/**
 * A tar archive (POSIX.1-1988 ustar) of the entries. The same entries give the same bytes, whatever their order: sorted by
 * path, owned by root, dated 1970. Missing parent directories are added with mode 0755.
 */
export function imageTar(entries: readonly TarEntry[]): Buffer {
  const byPath = new Map<string, TarEntry>();
  for (const entry of entries) {
    if (
      !/^[^/\0]+(\/[^/\0]+)*$/.test(entry.path) ||
      entry.path.split('/').some((part) => part === '.' || part === '..')
    ) {
      throw new HeddleError('invalid', `found the tar path ${JSON.stringify(entry.path)}; allowed are relative paths`);
    }
    if (byPath.has(entry.path)) throw new HeddleError('invalid', `the tar path ${entry.path} is there twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      const found = byPath.get(parent);
      if (found && found.type === 'file') throw new HeddleError('invalid', `the tar path ${path} is within a file`);
      if (!found) byPath.set(parent, { path: parent, type: 'directory', mode: 0o755 });
    }
  }
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return Buffer.concat([...sorted.flatMap(blocks), Buffer.alloc(2 * BLOCK)]);
}

function blocks(entry: TarEntry): Buffer[] {
  const content = entry.type === 'file' ? entry.content : Buffer.alloc(0);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return [header(entry, content.length), content, padding];
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitPath(entry.type === 'directory' ? `${entry.path}/` : entry.path);
  const text = (value: string, offset: number, length: number): void => {
    if (Buffer.byteLength(value) > length) {
      throw new HeddleError(
        'limit',
        `${entry.path}: ${JSON.stringify(value)} is longer than the ${length} bytes of a tar`,
      );
    }
    block.write(value, offset, length, 'utf8');
  };
  // Octal digits, and a NUL at the end.
  const octal = (value: number, offset: number, length: number): void =>
    text(value.toString(8).padStart(length - 1, '0'), offset, length - 1);

  text(name, 0, 100);
  octal(entry.type === 'symlink' ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8); // owner
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // time
  text(TYPE_FLAGS[entry.type], 156, 1);
  if (entry.type === 'symlink') text(entry.target, 157, 100);
  text('ustar', 257, 6);
  text('00', 263, 2);
  text(prefix, 345, 155);
  // The sum over the header with the sum's own field taken as spaces: six digits, NUL, space.
  block.write('        ', 148, 8, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

/** A path beyond 100 bytes is cut at a slash: up to 155 bytes of prefix before it, up to 100 of name after it. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new HeddleError(
    'limit',
    `the tar path ${path} is too long: it cannot be cut into 155 and 100 bytes at a slash`,
  );
}
