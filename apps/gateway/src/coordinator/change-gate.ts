import { randomUUID } from 'node:crypto';
import { admit } from '@heddle/admission';
import type { Clock } from '@heddle/host';
import type { RequestContext } from '@heddle/messaging';
import { HeddleError, type AdmitResult, type ChangeRequest, type CheckRequest, type HeddleObject } from '@heddle/model';
import { CLOCK, METHODS, RpcClient } from '@heddle/service';
import { Inject, Injectable } from '@nestjs/common';
import { Planner, type Plan } from '../plan/planner';
import { DesiredState } from '../state/desired-state';
import { admissionRequest, principalOf } from './admission-request';
import { checkChange } from './check-change';
import { Coordinator } from './coordinator';
import { changedKeys, type Action } from './event-facts';

/** What the API answers to a change. */
export interface ChangeAnswer {
  readonly position: number;
  readonly changed: readonly { readonly key: string; readonly action: Action }[];
  readonly object?: HeddleObject;
  readonly plan?: Plan;
}

const ADMIT_MS = METHODS['gateway.admit'].deadlineMs;
/** Milliseconds between two attempts while nobody coordinates: the lease of one that died has to run out. */
const NOBODY_RETRY_MS = 250;
/** How long this gateway may be behind the coordinator. */
const CATCH_UP_MS = 5_000;

/** The way of every change: to the coordinator, wherever it is, and back when this gateway shows its result. */
@Injectable()
export class ChangeGate {
  constructor(
    private readonly coordinator: Coordinator,
    private readonly desired: DesiredState,
    private readonly planner: Planner,
    private readonly rpc: RpcClient,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Has a change admitted. Reads of this gateway show it when this resolves.
   * @throws HeddleError why it was refused; `unavailable` when nothing was changed and the same may succeed later;
   *   `deadline` when it may have been changed, or was and this gateway does not show it: repeating it with the same
   *   changeId tells
   */
  async admit(request: ChangeRequest, caller: RequestContext): Promise<AdmitResult> {
    const named = { ...request, changeId: request.changeId ?? randomUUID() };
    const until = this.clock.monotonic() + ADMIT_MS;
    const result = await this.whileNobody(until, () => this.attempt(named, caller, until));
    try {
      await this.whileNobody(until, () => this.desired.whenAt(result.position, CATCH_UP_MS));
    } catch (error) {
      throw result.change === undefined ? error : notShown(result.position, error);
    }
    return result;
  }

  /** Tries again while nobody coordinates, or there is no log to follow. */
  private async whileNobody<T>(until: number, attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const left = until - this.clock.monotonic();
        if (!isNobody(error) || left < NOBODY_RETRY_MS) throw error;
        await this.clock.sleep(NOBODY_RETRY_MS);
      }
    }
  }

  /** Has a change admitted, or with `dryRun` checked and planned only, and says what became of it. */
  async answer(
    request: ChangeRequest,
    caller: RequestContext,
    options: { readonly dryRun?: boolean; readonly show?: string },
  ): Promise<ChangeAnswer> {
    if (options.dryRun) {
      const { position } = this.desired;
      const plan = await this.plan(request, caller);
      return { position, changed: plan.changed, plan };
    }
    const { position, change } = await this.admit(request, caller);
    const object = options.show === undefined ? undefined : this.desired.get(options.show);
    return { position, changed: changedKeys(change?.objects ?? []), ...(object === undefined ? {} : { object }) };
  }

  /** Checks a change as the coordinator would, and says what it would do. Changes nothing. */
  async plan(request: ChangeRequest, caller: RequestContext): Promise<Plan> {
    const { state, position } = this.desired;
    const change = admit(state, admissionRequest(request), {
      by: principalOf(caller),
      at: new Date(this.clock.now()).toISOString(),
      changeId: request.changeId ?? randomUUID(),
      position: position + 1,
      newUid: () => randomUUID(),
    });
    const check: CheckRequest = { basePosition: position, change };
    if (change.objects.length > 0) await checkChange(this.rpc, check, { context: caller });
    return this.planner.plan(check, { context: caller });
  }

  /** Waits until this gateway has seen what was in the log when this was called. */
  catchUp(): Promise<void> {
    return this.coordinator.catchUp(CATCH_UP_MS);
  }

  private attempt(request: ChangeRequest, caller: RequestContext, until: number): Promise<AdmitResult> {
    const deadlineMs = Math.max(1, until - this.clock.monotonic());
    if (this.coordinator.leads) return this.coordinator.admit(request, caller, { deadlineMs });
    this.coordinator.checkStore();
    return this.rpc.call('gateway.admit', request, { context: caller, deadlineMs });
  }
}

/** The change is in the log, whatever keeps this gateway from showing it: nobody may be told that nothing was changed. */
function notShown(position: number, reason: unknown): HeddleError {
  const { message } = HeddleError.from(reason);
  return new HeddleError(
    'deadline',
    `the change was accepted at position ${position}, but this gateway does not show it yet: ${message}`,
    { cause: reason },
  );
}

/**
 * Nobody coordinates at this moment, or is not ready to, so certainly nothing was changed. An owner that cannot check a
 * change is another matter: it is named among the problems.
 */
const isNobody = (error: unknown): boolean =>
  error instanceof HeddleError && error.code === 'unavailable' && error.problems.length === 0;
