import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type {
  CheckRequest,
  PolicyPreview,
  PolicyStatus,
  Problem,
  RuleList,
  RulesRequest,
  VerdictRequest,
  VerdictResult,
} from '@heddle/model';
import { EMPTY_IDS, indexPolicy, type PolicyIndex } from '@heddle/policy-engine';
import { CONTEXT, Owner, type ServiceContext } from '@heddle/service';
import { PolicyReign } from './policy-reign';
import { answer, checkAfter, preview, resolve, type Resolution } from './policy-state';

/**
 * Owns the policy objects: follows the log, gives numbers, compiles, and distributes what agents enforce. Every instance
 * follows and answers questions; the holder of the lease alone gives numbers and distributes.
 */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, OnModuleDestroy {
  private owner!: Owner<PolicyReign>;
  private cached:
    { readonly position: number; readonly resolution: Resolution; readonly index: PolicyIndex } | undefined;

  constructor(@Inject(CONTEXT) private readonly context: ServiceContext) {}

  async onApplicationBootstrap(): Promise<void> {
    this.owner = await Owner.start(this.context, {
      name: 'policy',
      bucket: 'policy',
      kinds: ['Tenant', 'Vrf', 'BridgeDomain', 'Epg', 'Contract', 'Filter'],
      begin: (ownership) => PolicyReign.begin(this.context, ownership),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.owner?.stop();
  }

  // ---- questions -----------------------------------------------------------------------------------------------------

  async check({ basePosition, change }: CheckRequest): Promise<Problem[]> {
    return checkAfter(await this.owner.at(basePosition), this.owner.reign?.ids ?? EMPTY_IDS, change);
  }

  async preview({ basePosition, change }: CheckRequest): Promise<PolicyPreview> {
    return preview(await this.owner.at(basePosition), this.resolution().resolution, change);
  }

  verdict(requests: readonly VerdictRequest[]): VerdictResult[] {
    const { index } = this.resolution();
    return requests.map((request) => answer(index, request));
  }

  /** By what is distributed, because ids of rules depend on the numbers. @throws HeddleError `unavailable` without the lease */
  rules(request: RulesRequest): RuleList {
    return this.owner.require().rules(request);
  }

  status(): PolicyStatus {
    const entries = [...this.resolution().resolution.policy.values()];
    return {
      position: this.owner.view.position,
      rules: entries.filter((e) => e.type === 'rule').length,
      classes: entries.filter((e) => e.type === 'class').length,
    };
  }

  /** What the objects resolve to now. Numbers matter to the holder of the lease alone; verdicts do not depend on them. */
  private resolution(): NonNullable<typeof this.cached> {
    const { position, entries } = this.owner.view;
    if (this.cached?.position !== position) {
      const resolution = resolve(entries, this.owner.reign?.ids ?? EMPTY_IDS);
      this.cached = { position, resolution, index: indexPolicy(resolution.policy) };
    }
    return this.cached as NonNullable<typeof this.cached>;
  }
}
