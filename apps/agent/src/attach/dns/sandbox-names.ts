import { systemClock, type Clock, type Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { KeyedLock } from '../keyed-lock';
import type { Question } from './message';
import type { DnsSockets } from './open-sockets';
import { closeSockets } from './sandbox-sockets';
import { DnsServer } from './server';

/** Until it is tried again after a failure, milliseconds; twice as long each time, up to the last. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/** How often it is looked for a namespace that is awaited, and for how long; milliseconds. */
const LOOK_MS = 10;
const APPEAR_MS = 30_000;

/** A container that is to have names, by its network namespace. */
export interface NamedSandbox {
  readonly sandbox: string;
  /** Whose names they are: everybody in the namespace is of one tenant. */
  readonly tenant: string;
}

export interface SandboxNamesParts {
  readonly sockets: {
    open(sandbox: string, signal: AbortSignal): Promise<DnsSockets>;
    forget(sandbox: string): Promise<void>;
  };
  readonly names: Question['names'];
  /** Whether the network namespace is still there. */
  readonly exists: (sandbox: string) => Promise<boolean>;
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'after' | 'sleep'>;
}

interface Served {
  readonly tenant: string;
  server?: DnsServer;
  timer?: Timer;
  /** Aborted when nobody wants it any more. */
  readonly over: AbortController;
}

/**
 * The name server in containers that have no link to their host. Nothing waits for it: a container whose names could not be
 * opened runs, and it is tried again.
 */
export class SandboxNames {
  private readonly served = new Map<string, Served>();
  /** What is done to one namespace is done in order. */
  private readonly locks = new KeyedLock();

  constructor(private readonly parts: SandboxNamesParts) {}

  /** Namespaces that are answered in now. */
  get open(): string[] {
    return [...this.served].flatMap(([sandbox, { server }]) => (server ? [sandbox] : []));
  }

  /** Opens names in a container, if they are not. */
  add({ sandbox, tenant }: NamedSandbox): void {
    const known = this.served.get(sandbox);
    if (known && !known.over.signal.aborted && known.tenant === tenant) return;
    if (known) void this.end(known);
    const served: Served = { tenant, over: new AbortController() };
    this.served.set(sandbox, served);
    this.serve(sandbox, served, RETRY_MS);
  }

  /** Has names in these containers and in no others; of two for one namespace the first counts. */
  keep(wanted: readonly NamedSandbox[]): void {
    const first = new Map<string, NamedSandbox>();
    for (const each of wanted) if (!first.has(each.sandbox)) first.set(each.sandbox, each);
    for (const [sandbox, served] of this.served) {
      if (first.has(sandbox)) continue;
      void this.end(served);
      this.served.delete(sandbox);
      this.locks
        .run(sandbox, () => this.forget(sandbox))
        .catch((error: unknown) => this.parts.onError(HeddleError.from(error)));
    }
    for (const each of first.values()) this.add(each);
  }

  /** Has nothing open in a namespace any more when it resolves; what is kept there is opened again. */
  async release(sandbox: string): Promise<void> {
    const served = this.served.get(sandbox);
    if (!served) return;
    await this.end(served);
    // What was just being opened is closed as well.
    await this.locks.run(sandbox, async () => undefined);
  }

  /** Answers no more. In the containers everything stays, for the next one. */
  close(): void {
    for (const served of this.served.values()) void this.end(served);
    this.served.clear();
  }

  private serve(sandbox: string, served: Served, retryMs: number): void {
    const { onError, clock = systemClock } = this.parts;
    this.locks
      .run(sandbox, () => this.openFor(sandbox, served))
      .catch((error: unknown) => {
        if (served.over.signal.aborted) return;
        onError(HeddleError.from(error));
        const again = Math.min(2 * retryMs, MAX_RETRY_MS);
        served.timer = clock.after(retryMs, () => this.serve(sandbox, served, again));
      });
  }

  private async openFor(sandbox: string, served: Served): Promise<void> {
    const { sockets, names, onError } = this.parts;
    const { signal } = served.over;
    await this.appeared(sandbox, signal);
    if (signal.aborted) return;
    const opened = await sockets.open(sandbox, signal);
    if (signal.aborted) return closeSockets(opened);
    served.server = DnsServer.on(opened, {
      names,
      tenantOf: () => served.tenant,
      onError: (error) => onError(HeddleError.from(error)),
    });
  }

  /** The engine makes a container's namespace after its interface, and starts it soon after that. */
  private async appeared(sandbox: string, over: AbortSignal): Promise<void> {
    const { exists, clock = systemClock } = this.parts;
    for (let waited = 0; !over.aborted && !(await exists(sandbox)); waited += LOOK_MS) {
      if (waited >= APPEAR_MS) throw new HeddleError('unavailable', `there is no network namespace at ${sandbox}`);
      await clock.sleep(LOOK_MS);
    }
  }

  private async end(served: Served): Promise<void> {
    served.over.abort();
    served.timer?.cancel();
    const { server } = served;
    served.server = undefined;
    await server?.close();
  }

  private async forget(sandbox: string): Promise<void> {
    const { exists, sockets, onError } = this.parts;
    try {
      // With most of them the namespace goes as well.
      if (await exists(sandbox)) await sockets.forget(sandbox);
    } catch (error) {
      if (await exists(sandbox)) onError(HeddleError.from(error));
    }
  }
}
