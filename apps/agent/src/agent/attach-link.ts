import { HeddleError } from '@heddle/model';
import type { Clock } from '@heddle/host';
import { LinkClient } from '../link/link-client';
import type { Handlers } from '../link/peer';
import type { AgentMethods, AttachMethods, LinkConfiguration, LinkNames } from '../link/protocol';
import { Pushed } from '../link/pushed';

const CALL_DEADLINE_MS = 5_000;

export interface AttachLinkOptions {
  readonly socketPath: string;
  readonly handlers: Handlers<AgentMethods>;
  /** The daemon has the newest configuration: what waited for it can go on. */
  readonly onConfigured: (configuration: LinkConfiguration) => void;
  /** Called when {@link AttachLink.problem} changed. */
  readonly onProblem: (problem: string | undefined) => void;
  readonly clock?: Pick<Clock, 'after'>;
}

type Part = 'connection' | 'configuration' | 'names';

/** The attach daemon, as the agent reaches it: has its configuration and names in their newest form whenever it is there. */
export class AttachLink {
  private readonly problems = new Map<Part, string>([['connection', 'the attach daemon was not reached yet']]);
  private readonly client: LinkClient;
  private readonly configuration: Pushed<LinkConfiguration>;
  private readonly records: Pushed<LinkNames>;

  constructor(private readonly options: AttachLinkOptions) {
    const { clock } = options;
    const push = <T>(part: Part, send: (value: T) => Promise<unknown>, onArrived?: (value: T) => void): Pushed<T> =>
      new Pushed<T>({
        send: async (value) => void (await send(value)),
        onArrived: (value) => {
          this.report(part, undefined);
          onArrived?.(value);
        },
        onFailed: (error) => {
          // While there is no connection that is the problem, and it was said.
          if (!this.client.connected) return;
          this.report(part, `the attach daemon does not take its ${part}: ${HeddleError.from(error).message}`);
        },
        ...(clock ? { clock } : {}),
      });
    this.configuration = push(
      'configuration',
      (value: LinkConfiguration) => this.call('configure', value),
      options.onConfigured,
    );
    this.records = push('names', (value: LinkNames) => this.call('names', value));
    this.client = new LinkClient({
      socketPath: options.socketPath,
      handlers: options.handlers,
      onConnected: () => {
        this.report('connection', undefined);
        this.configuration.again();
        this.records.again();
      },
      onDisconnected: (reason) =>
        this.report(
          'connection',
          `the attach daemon is away (${reason}): containers that run are not affected, none can start; start it (heddle agent attach)`,
        ),
      ...(clock ? { clock } : {}),
    });
  }

  /** Why containers cannot be attached; undefined while they can. */
  get problem(): string | undefined {
    return this.problems.get('connection') ?? this.problems.get('configuration') ?? this.problems.get('names');
  }

  configure(configuration: LinkConfiguration): void {
    this.configuration.set(configuration);
  }

  /** Resolves when the daemon has this configuration or a newer one. */
  configured(configuration: LinkConfiguration): Promise<void> {
    return this.configuration.arrived(configuration);
  }

  setNames(names: LinkNames): void {
    this.records.set(names);
  }

  /** @throws HeddleError what the daemon answered; `unavailable` when it is away; `deadline` */
  call<K extends keyof AttachMethods>(
    method: K,
    params: AttachMethods[K]['request'],
  ): Promise<AttachMethods[K]['response']> {
    return this.client.call(method, params, CALL_DEADLINE_MS);
  }

  close(): void {
    this.configuration.close();
    this.records.close();
    this.client.close();
  }

  private report(part: Part, problem: string | undefined): void {
    const before = this.problem;
    if (problem === undefined) this.problems.delete(part);
    else this.problems.set(part, problem);
    if (this.problem !== before) this.options.onProblem(this.problem);
  }
}
