import type { CommandRunner } from './fork-server';

/** Rules of the kernel's packet filter, in the network namespace that this process is in. */
export interface NftCommand {
  /**
   * Applies a script of nft(8) as one transaction: all of it or nothing.
   * @throws CommandError with what nft said
   */
  apply(script: string): Promise<void>;
  /** Names of all tables with their families, `inet filter`. */
  tables(): Promise<string[]>;
}

/** The packet filter by means of nftables. */
export class SystemNftCommand implements NftCommand {
  constructor(private readonly runner: CommandRunner) {}

  async apply(script: string): Promise<void> {
    await this.runner.run(['nft', '-f', '-'], { input: script });
  }

  async tables(): Promise<string[]> {
    const { stdout } = await this.runner.run(['nft', 'list', 'tables']);
    return stdout
      .split('\n')
      .flatMap((line) => (line.startsWith('table ') ? [line.slice('table '.length).trim()] : []));
  }
}

/** Keeps every script, and knows tables by the lines that begin with `table`. */
export class FakeNftCommand implements NftCommand {
  readonly scripts: string[] = [];
  private names = new Set<string>();

  async apply(script: string): Promise<void> {
    this.scripts.push(script);
    for (const [, name] of script.matchAll(/^table (\S+ \S+)/gm)) if (name !== undefined) this.names.add(name);
  }

  async tables(): Promise<string[]> {
    return [...this.names];
  }

  /** Somebody else removes every rule there is. */
  flush(): void {
    this.names = new Set();
  }
}
