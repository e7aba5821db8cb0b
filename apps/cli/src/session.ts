import type { Clock, Files } from '@heddle/host';
import type { HeddleObject, KindInfo } from '@heddle/model';
import { HeddleApi, type InputFile, type ListFilter } from './api/heddle-api';
import { HttpClient } from './api/http-client';
import { resolveConnection, type Connection, type ConnectionOptions } from './context/connection';
import { ContextStore, contextsFile } from './context/contexts';
import type { LoadLab } from './lab/port';
import { pathOfObject, resolvePath } from './objects/paths';
import { readInput } from './objects/read-input';
import { isData, dataText, type Format } from './render/output';
import { styleFor, type Style } from './render/style';
import { tableLines, type Row } from './render/table';
import type { Terminal } from './terminal';

/** What the command line uses of the machine; given from outside so that tests need none of it. */
export interface Environment {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Numeric id of the user, where there is such a thing. */
  readonly userId: number | undefined;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly files: Files;
  readonly clock: Clock;
  /** Aborts when the user stops the command; its reason is an InterruptedError. */
  readonly signal: AbortSignal;
  /** The lab comes with the container engine's client, which plain commands do without. */
  readonly loadLab: LoadLab;
}

/** One run of the command line: its options, and what they lead to, each made when it is first needed. */
export class Session {
  readonly style: Style;
  readonly errorStyle: Style;
  readonly contexts: ContextStore;
  /** For the messages of errors: what was read. */
  inputName: string | undefined;
  private connecting: Promise<Connection> | undefined;
  private opened: HeddleApi | undefined;

  constructor(
    readonly environment: Environment,
    readonly options: ConnectionOptions,
  ) {
    const { terminal, env, files, home } = environment;
    this.style = styleFor(terminal.outIsTty, env);
    this.errorStyle = styleFor(terminal.errIsTty, env);
    this.contexts = new ContextStore(files, contextsFile(env, home));
  }

  get clock(): Clock {
    return this.environment.clock;
  }

  get signal(): AbortSignal {
    return this.environment.signal;
  }

  /** Name of the context in use, whether or not there is one of that name. */
  async contextInUse(): Promise<string | undefined> {
    const named = this.options.context ?? this.environment.env['HEDDLE_CONTEXT'];
    return named || (await this.contexts.load()).current;
  }

  /** Which server this run talks to. */
  connection(): Promise<Connection> {
    const { files } = this.environment;
    this.connecting ??= resolveConnection(this.options, this.environment, this.contexts, files);
    return this.connecting;
  }

  async api(): Promise<HeddleApi> {
    const { api, token } = await this.connection();
    this.opened ??= new HeddleApi(new HttpClient({ api, signal: this.signal }), token);
    return this.opened;
  }

  /** The tenant of paths that name none. */
  async tenant(): Promise<string | undefined> {
    return (await this.connection()).tenant;
  }

  /** The whole path that a short one means. */
  async resolve(kind: KindInfo, input: string): Promise<string> {
    const tenant = await this.tenant();
    return resolvePath({
      kind,
      input,
      tenant,
      known: async () => (await this.objects(kind, { tenant })).map(pathOfObject),
    });
  }

  async objects(kind: KindInfo, filter: ListFilter = {}): Promise<readonly HeddleObject[]> {
    return (await (await this.api()).list(kind, filter)).items;
  }

  /** A file of objects, or standard input for `-`. */
  async input(name: string): Promise<InputFile> {
    this.inputName = name === '-' ? 'standard input' : name;
    return readInput(name, this.environment.stdin);
  }

  print(...lines: readonly string[]): void {
    this.environment.terminal.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** For what is no result: progress, remarks. */
  remark(...lines: readonly string[]): void {
    this.environment.terminal.writeError(lines.map((line) => `${line}\n`).join(''));
  }

  printTable(header: readonly string[], rows: readonly Row[]): void {
    this.print(...this.table(header, rows));
  }

  table(header: readonly string[], rows: readonly Row[]): string[] {
    return tableLines(header, rows, { width: this.environment.terminal.outColumns, paintHeader: this.style.bold });
  }

  /** Prints data for a program, or calls `forPeople`. */
  result(value: unknown, format: Format, forPeople: () => void): void {
    if (isData(format)) this.environment.terminal.write(dataText(value, format));
    else forPeople();
  }

  close(): void {
    this.opened?.close();
  }
}
