import { systemClock, type Clock, type Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedEndpoint, LinkConfiguration } from '../../link/protocol';
import { KeyedQueue } from '../../runtime/keyed-queue';
import type { WantedMode } from './child-modes';
import type { MacvlanEndpoint } from './facts';
import type { MacvlanDriver } from './macvlan-driver';
import type { Shims } from './shims';

/** How long after a failure it is tried again, and how often it is looked at when nothing happens; milliseconds. */
const RETRY_MS = 2_000;
const LOOK_MS = 60_000;

export interface KeeperParts {
  readonly driver: Pick<MacvlanDriver, 'applyModes' | 'attached' | 'inContainers' | 'shims' | 'tidy'>;
  readonly shims: Pick<Shims, 'ensure'>;
  /** Has names inside the containers of these endpoints, and of no others. */
  readonly keepNames: (inContainers: readonly MacvlanEndpoint[]) => void;
  /** The agent is to know of these. */
  readonly tell: (endpoints: readonly AttachedEndpoint[]) => void;
  readonly configuration: () => LinkConfiguration;
  /** Told of every problem once for as long as it lasts. */
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'after'>;
}

/** Names wait for nothing else: a container that starts needs them first of all. */
type Task = 'names' | 'others';

/**
 * Keeps what belongs to the children of uplinks as it should be: their modes, the host's own interfaces, names in the
 * containers, and what the agent knows. It looks at what there is each time, so it may be asked as often as one likes, and a
 * restart makes no difference.
 */
export class MacvlanKeeper {
  private readonly queue = new KeyedQueue(2, (task) => this.work(task as Task));
  private readonly problems = new Map<Task, ReadonlySet<string>>();
  private timer: Timer | undefined;
  private closed = false;
  private told = '';
  /** What was left half done by somebody who was killed is looked for at the start, and from time to time. */
  private tidied = false;

  constructor(private readonly parts: KeeperParts) {}

  /** Something came, went or is wanted otherwise. */
  changed(): void {
    this.queue.request('names' satisfies Task);
    this.queue.request('others' satisfies Task);
  }

  /** Resolves when every child has the mode that the newest configuration wants, as far as that can be had. Never rejects. */
  async applyModes(): Promise<void> {
    // Why some have not, the next look tells, and it tries again.
    await this.parts.driver.applyModes(wantedMode(this.parts.configuration())).catch(() => []);
    this.changed();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    this.queue.stop();
    await this.idle();
  }

  private async work(task: Task): Promise<void> {
    const done = task === 'names' ? this.keepNames() : this.keepOthers();
    const errors = await done.catch((error: unknown) => [HeddleError.from(error)]);
    const before = this.problems.get(task);
    for (const error of errors) if (!before?.has(error.message)) this.parts.onError(error);
    this.problems.set(task, new Set(errors.map(({ message }) => message)));
    if (task === 'names' || this.closed) return;
    const { clock = systemClock } = this.parts;
    this.timer?.cancel();
    this.timer = clock.after(errors.length > 0 ? RETRY_MS : LOOK_MS, () => {
      this.tidied = false;
      this.changed();
    });
  }

  private async keepNames(): Promise<HeddleError[]> {
    this.parts.keepNames(await this.parts.driver.inContainers());
    return [];
  }

  private async keepOthers(): Promise<HeddleError[]> {
    const { driver, shims, configuration } = this.parts;
    const errors = await driver.applyModes(wantedMode(configuration()));
    const attached = await driver.attached();
    await this.tell(attached);
    // May wait for the agent, which has work to do by then.
    errors.push(...(await shims.ensure(attached, configuration())));
    if (!this.tidied) await driver.tidy();
    this.tidied = true;
    await this.tell(attached);
    return errors;
  }

  private async tell(attached: readonly MacvlanEndpoint[]): Promise<void> {
    const all = [...attached, ...(await this.parts.driver.shims())];
    const text = JSON.stringify(all);
    if (text === this.told) return;
    this.told = text;
    this.parts.tell(all);
  }
}

/**
 * The mode that each EPG is to have. An EPG that attaches otherwise now may have children of before: nothing says that they may
 * hear each other, so they pass the leaf. Of an EPG that is not known nothing is said at all.
 */
export function wantedMode({ epgs, attachments }: LinkConfiguration): WantedMode {
  return (epg) => {
    const attachment = attachments?.[epg];
    if (attachment?.driver === 'macvlan') return attachment.mode;
    return attachments && Object.hasOwn(epgs, epg) ? 'vepa' : undefined;
  };
}
