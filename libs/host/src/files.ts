export interface WriteOptions {
  /** Permission bits of the file, whatever the umask. Default 0o600: state and credentials are nobody else's business. */
  readonly mode?: number;
}

/** Files of the machine, as far as services keep state in them. */
export interface Files {
  /** The text of a file, or nothing when there is no such file. */
  readText(path: string): Promise<string | undefined>;
  /**
   * The value in a JSON file, or nothing when there is no such file.
   * @throws HeddleError `state` when the text is no JSON
   */
  readJson(path: string): Promise<unknown>;
  /**
   * Replaces a file: after a crash at any instant there is the old content or the new one, whole. On return the new one
   * is on the disk. Missing folders are made.
   */
  writeAtomic(path: string, data: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** The names in a folder, sorted; none when there is no such folder. */
  list(path: string): Promise<string[]>;
  exists(path: string): Promise<boolean>;
  /** Makes a folder and those above it; permission bits (default 0o755) are for the last one when it is new. */
  makeFolder(path: string, mode?: number): Promise<void>;
  /** Removes a file, or a folder with all it holds. Harmless when there is nothing. */
  remove(path: string): Promise<void>;
}
