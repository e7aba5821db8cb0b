/** One entry of an archive. Paths are relative; a folder comes before what is in it. */
export type CpioEntry =
  | { readonly path: string; readonly type: 'folder' }
  | { readonly path: string; readonly type: 'file'; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly path: string; readonly type: 'link'; readonly target: string };

/** File types and permissions, as in the `st_mode` of stat(2). */
const MODE = { folder: 0o040755, file: 0o100644, executable: 0o100755, link: 0o120777 };
/** The name of the entry after which the archive ends. */
const TRAILER = 'TRAILER!!!';

/**
 * An archive in the format that the Linux kernel unpacks as its first root file system: `newc`, see
 * Documentation/driver-api/early-userspace/buffer-format.rst. Everything belongs to root and has no time, so the same
 * entries always give the same bytes.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const members = entries.map((entry, i) => member(i + 1, entry.path, modeOf(entry), contentOf(entry)));
  return Buffer.concat([...members, member(0, TRAILER, 0, Buffer.alloc(0))]);
}

function modeOf(entry: CpioEntry): number {
  return entry.type === 'file' && entry.executable ? MODE.executable : MODE[entry.type];
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.type === 'file') return entry.content;
  return Buffer.from(entry.type === 'link' ? entry.target : '');
}

function member(inode: number, path: string, mode: number, content: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = mode === MODE.folder ? 2 : 1;
  // After the inode: mode, uid, gid, links, time, size, numbers of two devices, size of the name, checksum (not used).
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

/** Header with name, and content, each end at a multiple of four bytes. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
