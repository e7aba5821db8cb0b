import { decideSync, desiredTree, isEmpty, isInForce, type ApicFabricSpec, type Desired, type Post, type SyncDecision } from '@heddle/apic'; // prettier-ignore
import { ApicClient, type ApicClientOptions, type Feed } from '@heddle/apic-client';
import type { Files, Timer } from '@heddle/host';
import type { ClusterIdentity, Term } from '@heddle/messaging';
import { HeddleError, type FabricPlan, type FabricState, type FabricStatus, type Problem } from '@heddle/model';
import { StateTracker, type ControllerParts, type FabricDriver, type Known, type Wanted } from '../driver';
import { readCredentials } from './credentials';
import { PACE, retryMs, type Pace } from './pace';
import { readApic, type ApicReading } from './read-apic';
import { digestOf, planView, waitingView } from './views';

export interface ApicDriverParts extends ControllerParts {
  readonly spec: ApicFabricSpec;
  /** Asked anew whenever it is needed. */
  readonly wanted: () => Known<Wanted>;
  readonly files: Files;
  readonly identity: ClusterIdentity;
  /** Nothing is sent once it is over. */
  readonly term: Term;
  readonly pace?: Pace;
  readonly client?: Partial<Pick<ApicClientOptions, 'deadlineMs' | 'refreshMs' | 'pingMs' | 'pageSize'>>;
}

/** What an APIC is to hold, and from which state that follows. */
interface Target {
  readonly position: number;
  readonly encapsulationPosition: number;
  readonly version: number;
  readonly desired: Desired;
}

/** What came of the last comparison of an APIC with what is wanted. */
interface Outcome extends Target {
  readonly at: number;
  readonly decision: SyncDecision;
  readonly problems: readonly string[];
}

/** Failures in a row after which the rest of the requests is left for later: the controllers are gone. */
const GIVE_UP_AFTER = 3;

/**
 * Keeps an APIC as its Fabric is wanted. It compares all of it, whenever what is wanted changed, the APIC tells of a change, that
 * telling was lost, or nothing was heard for a while; it sends the difference, and compares again. Progress is in the APIC
 * alone, so it may be ended at any point.
 */
export class ApicDriver implements FabricDriver {
  private readonly client: ApicClient;
  private readonly pace: Pace;
  private readonly tracker: StateTracker;
  private feed: Feed | undefined;
  private feedProblem: string | undefined;
  private outcome: Outcome | undefined;
  private failure: HeddleError | undefined;
  private failures = 0;
  private toldInForce = -1;
  private wake: { readonly at: number; readonly timer: Timer } | undefined;
  /** By the monotonic clock: when the APIC is read whatever else happens. */
  private readDue = 0;
  /** Something happened on the APIC since it was read last. */
  private stirred = false;
  private turn: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(private readonly parts: ApicDriverParts) {
    const { spec, files, clock } = parts;
    this.pace = parts.pace ?? PACE;
    this.tracker = new StateTracker(parts);
    this.client = new ApicClient({
      controllers: spec.controllers,
      user: spec.user,
      credentials: () => readCredentials(spec, files),
      clock,
      ...parts.client,
    });
    this.changed();
  }

  changed(): void {
    this.wakeIn(this.pace.gatherMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake?.timer.cancel();
    this.feed?.close();
    this.client.close();
    await this.turn.catch(() => undefined);
  }

  // ---- what people ask -----------------------------------------------------------------------------------------------

  status(): FabricStatus {
    const { fabric, spec } = this.parts;
    const { state, message } = this.stateNow();
    const { outcome } = this;
    const plan = outcome?.decision.plan;
    const waiting = outcome?.decision.waiting;
    const { controller } = this.client;
    return {
      fabric,
      driver: spec.driver,
      state,
      since: this.tracker.note(state, message),
      position: outcome?.position ?? 0,
      missing: plan ? plan.creations.length + plan.modifications.length + plan.deletions.length : 0,
      ...(controller === undefined ? {} : { controller }),
      ...(outcome === undefined
        ? {}
        : { lastSync: new Date(outcome.at).toISOString(), objects: outcome.decision.ours }),
      conflicts: plan?.conflicts ?? [],
      ...(waiting === undefined ? {} : { waiting: waitingView(waiting) }),
      problems: this.problems(),
    };
  }

  plan(): Promise<FabricPlan> {
    return this.exclusively(async () => {
      const target = this.target();
      const reading = await readApic(this.client, target.desired, this.parts.spec.annotation);
      const decision = this.decide(target, reading);
      const problems = problemsOf(target.desired, decision, reading.problems);
      return planView(this.parts.fabric, target.position, decision, problems);
    });
  }

  confirm(digest: string): Promise<FabricStatus> {
    return this.exclusively(async () => {
      try {
        await this.sync(digest);
        this.tellInForce();
        return this.status();
      } finally {
        // However it ended, what is there is looked at once more.
        this.stir();
      }
    });
  }

  // ---- the loop ------------------------------------------------------------------------------------------------------

  private stir(): void {
    this.stirred = true;
    this.wakeIn(this.pace.stirMs);
  }

  /** Looks again after this time, or earlier if that was asked for already. */
  private wakeIn(ms: number): void {
    const { clock } = this.parts;
    const at = clock.monotonic() + ms;
    if (this.stopped || (this.wake && this.wake.at <= at)) return;
    this.wake?.timer.cancel();
    const timer = clock.after(ms, () => {
      this.wake = undefined;
      void this.exclusively(() => this.round());
    });
    this.wake = { at, timer };
  }

  private async round(): Promise<void> {
    if (this.stopped) return;
    const { clock, log, fabric } = this.parts;
    if ('unknown' in this.parts.wanted()) {
      this.status();
      this.readDue = 0;
      return this.wakeIn(this.pace.retryFirstMs);
    }
    if (this.stirred || clock.monotonic() >= this.readDue || !this.stillWanted()) {
      const wait = await this.attempt();
      this.readDue = clock.monotonic() + wait;
      if (this.failure?.code === 'internal') log.error({ fabric, err: this.failure }, 'fabric');
    }
    this.status();
    this.tellInForce();
    this.wakeIn(Math.max(this.pace.gatherMs, this.readDue - clock.monotonic()));
  }

  /** @returns milliseconds until the next one, if nothing happens before */
  private async attempt(): Promise<number> {
    try {
      const settled = await this.sync();
      this.failures = settled ? 0 : this.failures + 1;
      return settled ? (this.feed ? this.pace.quietMs : this.pace.blindMs) : retryMs(this.pace, this.failures);
    } catch (error) {
      this.failure = HeddleError.from(error);
      this.failures++;
      const least = this.failure.code === 'unauthenticated' ? this.pace.refusedMs : 0;
      return Math.max(least, retryMs(this.pace, this.failures));
    }
  }

  /** Whether what was compared last is still what is wanted: then only the position moves on. */
  private stillWanted(): boolean {
    const { outcome, failure } = this;
    // The next attempt has its time; what changed makes it no earlier.
    if (failure !== undefined) return true;
    const wanted = this.parts.wanted();
    if (outcome === undefined || 'unknown' in wanted) return false;
    const { position, encapsulationPosition, version } = wanted.value;
    if (version !== outcome.version) {
      const { desired } = this.target();
      if (JSON.stringify(desired) !== JSON.stringify(outcome.desired)) return false;
    }
    this.outcome = { ...outcome, position, encapsulationPosition, version };
    return true;
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** @throws HeddleError `unavailable` while it is not known what is wanted */
  private target(): Target {
    const { fabric, spec, wanted } = this.parts;
    const now = wanted();
    if ('unknown' in now) throw new HeddleError('unavailable', `what is wanted is not known: ${now.unknown}`);
    const { objects, encapsulations, position, encapsulationPosition, version } = now.value;
    return {
      position,
      encapsulationPosition,
      version,
      desired: desiredTree({ fabric, spec, objects, encapsulations }),
    };
  }

  private read({ desired }: Target): Promise<ApicReading> {
    // What stirred until now is in it; what stirs from here on is looked at afterwards.
    this.stirred = false;
    return readApic(this.client, desired, this.parts.spec.annotation);
  }

  private decide({ desired, position }: Target, reading: ApicReading, digest?: string): SyncDecision {
    const { spec, identity } = this.parts;
    const { clusterUid, incarnation } = identity;
    return decideSync({
      desired,
      reading,
      spec,
      here: { clusterUid, incarnation, position },
      confirmed: (text) => digestOf(text) === digest,
    });
  }

  /**
   * Compares, sends, and compares again.
   * @param digest of what a person confirmed
   * @returns whether nothing is left that a repetition could do
   */
  private async sync(digest?: string): Promise<boolean> {
    await this.follow();
    const target = this.target();
    const reading = await this.read(target);
    const decision = this.decide(target, reading, digest);
    if (digest !== undefined) this.checkConfirmed(decision, this.decide(target, reading), digest);
    if (decision.posts.length === 0) {
      this.take(target, decision, reading.problems);
      return reading.complete;
    }
    const refusals = await this.send(decision.posts);
    const after = await this.read(target);
    const left = this.decide(target, after);
    this.take(target, left, [...after.problems, ...refusals, ...this.unlike(left, refusals)]);
    return after.complete && refusals.length === 0 && left.posts.length === 0;
  }

  /** A digest releases what it stands for, and nothing else. @throws HeddleError `conflict` */
  private checkConfirmed(released: SyncDecision, { waiting }: SyncDecision, digest: string): void {
    if (waiting !== undefined && released.waiting === undefined) return;
    const { fabric } = this.parts;
    throw new HeddleError(
      'conflict',
      waiting === undefined
        ? `nothing of ${fabric} waits for a person`
        : `what waits is not ${digest} any more but ${digestOf(waiting.text)}; look at it with "heddle fabric plan ${fabric}"`,
    );
  }

  /** One after the other; what is refused keeps nothing else from being sent. @returns what was refused, with the reasons */
  private async send(posts: readonly Post[]): Promise<string[]> {
    const { term, log, fabric } = this.parts;
    const refusals: string[] = [];
    let failed = 0;
    for (const post of posts) {
      if (!term.isHeld() || this.stopped)
        throw new HeddleError('fenced', 'another instance of the fabric service goes on');
      try {
        await this.client.post(post);
        failed = 0;
        log.info({ fabric, dn: post.dn, changes: post.changes }, 'sent to the APIC');
      } catch (error) {
        const failure = HeddleError.from(error);
        if (failure.code === 'unauthenticated') throw failure;
        refusals.push(failure.message);
        if (failure.code !== 'refused' && ++failed >= GIVE_UP_AFTER) {
          const rest = posts.length - posts.indexOf(post) - 1;
          if (rest > 0)
            refusals.push(rest === 1 ? '1 request is left for later' : `${rest} requests are left for later`);
          break;
        }
      }
    }
    return refusals;
  }

  /** After all was accepted nothing may differ; if it does, saying so is all that helps. */
  private unlike({ plan, posts }: SyncDecision, refusals: readonly string[]): string[] {
    if (refusals.length > 0 || posts.length === 0 || isEmpty(plan)) return [];
    const [first] = [...plan.modifications.map(({ object }) => object), ...plan.creations, ...plan.deletions];
    return [`the APIC accepted everything, and still differs, at ${first?.dn} and others; it is sent again`];
  }

  private async follow(): Promise<void> {
    if (this.feed) return;
    try {
      this.feed = await this.client.follow(this.parts.spec.annotation, {
        onChange: () => this.stir(),
        onLost: (why) => {
          this.feed = undefined;
          this.feedProblem = why.message;
          this.stir();
        },
      });
      this.feedProblem = undefined;
      if (this.stopped) this.feed.close();
    } catch (error) {
      const failure = HeddleError.from(error);
      // Without a login there is nothing to read either.
      if (this.client.controller === undefined) throw failure;
      this.feedProblem = `${failure.message}; until then it is read every ${this.pace.blindMs / 1_000} s`;
    }
  }

  private take(target: Target, decision: SyncDecision, problems: readonly string[]): void {
    this.failure = undefined;
    this.outcome = { ...target, at: this.parts.clock.now(), decision, problems };
  }

  // ---- the state -----------------------------------------------------------------------------------------------------

  private stateNow(): { state: FabricState; message: string } {
    const { outcome, failure } = this;
    const wanted = this.parts.wanted();
    if ('unknown' in wanted) return { state: 'changing', message: wanted.unknown };
    if (failure) return { state: 'unreachable', message: failure.message };
    if (!outcome) return { state: 'changing', message: 'the APIC has not been read yet' };
    const { decision, problems, position } = outcome;
    const { plan, waiting, refused } = decision;
    if (refused !== undefined) return { state: 'refused', message: refused };
    if (problems.length > 0) return { state: 'changing', message: problems[0] as string };
    if (isInForce(decision)) return { state: 'in-force', message: `all of position ${position} is in force` };
    const left = plan.creations.length + plan.modifications.length + (waiting ? 0 : plan.deletions.length);
    if (left > 0) return { state: 'changing', message: left === 1 ? '1 object differs' : `${left} objects differ` };
    const [conflict] = plan.conflicts;
    return { state: 'waiting', message: waiting?.reason ?? `${conflict?.dn} ${conflict?.message}` };
  }

  private tellInForce(): void {
    const { outcome } = this;
    if (outcome === undefined || this.stateNow().state !== 'in-force') return;
    // An EPG that has left its Domain has its VLAN until the inventory has told that, too.
    const position = Math.min(outcome.position, outcome.encapsulationPosition);
    if (position <= this.toldInForce) return;
    this.toldInForce = position;
    this.parts.onInForce(position);
  }

  private problems(): string[] {
    const wanted = this.parts.wanted();
    return [
      ...('unknown' in wanted ? [wanted.unknown] : []),
      ...(this.failure ? [this.failure.message] : []),
      ...(this.feedProblem === undefined ? [] : [this.feedProblem]),
      ...(this.outcome ? problemsOf(this.outcome.desired, this.outcome.decision, this.outcome.problems) : []),
    ];
  }
}

function problemsOf(desired: Desired, { plan }: Pick<SyncDecision, 'plan'>, more: readonly string[]): string[] {
  const others = plan.others.map(({ dn }) => `${dn} was made by somebody else below an object of ours, and adds to what is enforced`); // prettier-ignore
  return [...more, ...desired.problems.map(problemText), ...others];
}

const problemText = ({ path, message }: Problem): string => `${path}: ${message}`;
