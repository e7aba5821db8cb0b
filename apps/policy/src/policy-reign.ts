import type { Timer } from '@heddle/host';
import { FencedBucket, Publisher, Subscriber } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type HostView,
  type ResolvedEntry,
  type RuleList,
  type RulesRequest,
} from '@heddle/model';
import { EMPTY_IDS, type IdTable } from '@heddle/policy-engine';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import { needsNumbers, resolve, withFloor } from './policy-state';
import { rulesOf } from './rules';

/** Key under which the numbers that were given are kept. */
const IDS = 'ids';
/** How long new numbers wait for hosts that are not heard from: longer than it takes to give a host up. */
const HEARING_MS = 10_000;
const LOOK_MS = 250;

/**
 * What the holder of the lease does: numbers are on disk before anybody hears of them.
 *
 * A store may be behind what hosts enforce, after a restore. New numbers are therefore given only when the hosts have said
 * which they know, or had the time to; numbers that were given before are used at once.
 */
export class PolicyReign implements Reign {
  private readonly publisher: Publisher;
  private readonly hosts: Subscriber<HostView>;
  private hostsHeard = false;
  private floor = 0;
  private turn: Promise<void> = Promise.resolve();
  private readonly stops: (() => void)[] = [];
  private look: Timer | undefined;
  private published = false;
  private stopped = false;
  private readonly since: number;

  private constructor(
    private readonly context: ServiceContext,
    private readonly ownership: Ownership,
    private readonly bucket: FencedBucket<IdTable>,
    private given: IdTable,
  ) {
    const { bus, clock } = context;
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'policy', identity, epoch: term.epoch });
    this.since = clock.monotonic();
    this.hosts = new Subscriber<HostView>({
      bus,
      clock,
      service: 'inventory',
      topic: TOPICS.hosts,
      onAccepted: ({ entries }) => this.hear(entries),
      onRefused: () => undefined,
    });
  }

  static async begin(context: ServiceContext, ownership: Ownership): Promise<PolicyReign> {
    const { store, clock } = context;
    const bucket = await FencedBucket.open<IdTable>({ store, bucket: 'resolved', term: ownership.term, clock });
    try {
      // Before anything is listened to: what is decided without knowing what was given would give it again.
      const given = (await bucket.readAll()).get(IDS) ?? EMPTY_IDS;
      const reign = new PolicyReign(context, ownership, bucket, given);
      await reign.start();
      return reign;
    } catch (error) {
      bucket.close();
      throw error;
    }
  }

  /** The numbers given so far. */
  get ids(): IdTable {
    return this.given;
  }

  /** Rules as they are distributed. */
  rules(request: RulesRequest): RuleList {
    return rulesOf(this.publisher.entries<ResolvedEntry>(TOPICS.policy), request);
  }

  private async start(): Promise<void> {
    this.stops.push(this.ownership.view.onChange(() => this.enqueue()));
    const first = this.advance();
    this.turn = first.catch(() => undefined);
    await first.catch(async (error: unknown) => {
      await this.stop();
      throw error;
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.look?.cancel();
    for (const stop of this.stops) stop();
    await this.hosts.close();
    await this.publisher.stop();
    await this.turn;
    this.bucket.close();
  }

  private hear(hosts: ReadonlyMap<string, HostView>): void {
    const highest = [...hosts.values()].reduce((max, host) => Math.max(max, host.highestClassId), 0);
    if (highest <= this.floor && this.look === undefined) return;
    this.floor = Math.max(this.floor, highest);
    this.enqueue();
  }

  /** Whether every number that a host may hold is known. Once it is, it stays so: later ones are given here. */
  private get allHeard(): boolean {
    if (this.context.clock.monotonic() - this.since >= HEARING_MS) this.hostsHeard = true;
    else if (this.ownership.settled()) {
      this.hostsHeard ||=
        this.hosts.following && [...this.hosts.entries.values()].every((host) => host.state !== 'suspect');
    }
    return this.hostsHeard;
  }

  private enqueue(): void {
    this.turn = this.turn
      .then(() => this.advance())
      .catch((error: unknown) => {
        if (!this.stopped) this.ownership.restart(HeddleError.from(error));
      });
  }

  private async advance(): Promise<void> {
    if (this.stopped) return;
    this.look?.cancel();
    this.look = undefined;
    const { entries, position, problem } = this.ownership.view;
    // A view that is being read anew lacks what comes later in the log, and would take it away.
    if (problem !== undefined) return this.lookAgain();
    const floored = withFloor(this.given, this.floor);
    if (!this.allHeard && needsNumbers(entries, floored)) return this.lookAgain();
    const { ids, policy } = resolve(entries, floored);
    if (ids !== this.given) await this.bucket.commit({ put: new Map([[IDS, ids]]) });
    this.given = ids;
    this.publisher.publish(TOPICS.policy, policy, position);
    if (this.published) return;
    this.published = true;
    this.publisher.start();
  }

  private lookAgain(): void {
    this.look = this.context.clock.after(LOOK_MS, () => this.enqueue());
  }
}
