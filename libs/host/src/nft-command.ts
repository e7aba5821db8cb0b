import type { CommandRunner } from './fork-server';

/** Rules of the kernel's packet filter, in the network namespace that this process is in. */
export interface NftCommand {
  /**
   * Applies a script of nft(8) as one transaction: all of it or nothing.
   * @throws CommandError with what nft said
   */
  apply(script: string): Promise<void>;
  /**
   * The rules of a table such as `inet filter`, in their order, each as nft writes it: `iifname "lo" accept`. `undefined`
   * when the table is missing, or could not be read.
   */
  rules(table: string): Promise<string[] | undefined>;
}

/** The packet filter by means of nftables. */
export class SystemNftCommand implements NftCommand {
  constructor(private readonly runner: CommandRunner) {}

  async apply(script: string): Promise<void> {
    await this.runner.run(['nft', '-f', '-'], { input: script });
  }

  async rules(table: string): Promise<string[] | undefined> {
    const list = ['nft', '--stateless', 'list', 'table', ...table.split(' ')];
    const { stdout, code } = await this.runner.run(list, { okCodes: [0, 1] });
    if (code !== 0) return undefined;
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => !/^(|\}|(table|chain) .*|type .* hook .*)$/.test(line));
  }
}

/** Keeps every script, and knows the rules of chains that are written in one line each, below their table. */
export class FakeNftCommand implements NftCommand {
  readonly scripts: string[] = [];
  private readonly content = new Map<string, string[]>();

  async apply(script: string): Promise<void> {
    this.scripts.push(script);
    let rules: string[] = [];
    for (const line of script.split('\n')) {
      const [, table] = /^table (\S+ \S+)/.exec(line) ?? [];
      if (table !== undefined) this.content.set(table, (rules = []));
      const [, rule] = /^ +chain .* policy \w+; (.+); \}$/.exec(line) ?? [];
      if (rule !== undefined) rules.push(...rule.split('; '));
    }
  }

  async rules(table: string): Promise<string[] | undefined> {
    return this.content.get(table);
  }

  /** Somebody else removes every table there is. */
  flush(): void {
    this.content.clear();
  }

  /** Somebody else empties the chains of a table. */
  flushTable(table: string): void {
    this.content.set(table, []);
  }
}
