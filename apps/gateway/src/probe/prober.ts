import type { RequestContext } from '@heddle/messaging';
import {
  HeddleError,
  pathOf,
  type HeddleObject,
  type ProbeObservation,
  type VerdictRequest,
  type VerdictResult,
} from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Injectable } from '@nestjs/common';
import { DesiredState } from '../state/desired-state';
import { eachLimited } from './each-limited';
import {
  probeWork,
  verdictKey,
  verdictRequest,
  withoutAllocation,
  type MissingInstances,
  type ProbeCase,
  type ProbeParty,
} from './targets';

export interface ProbeRequest {
  readonly tenant: string;
  readonly application: string;
  /** Milliseconds that each connection is given. */
  readonly timeoutMs: number;
}

export interface ProbeResult {
  readonly source: ProbeParty;
  readonly destination: ProbeParty;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly expected: 'open' | 'closed';
  readonly observed: 'open' | 'closed' | 'error';
  readonly detail?: string;
  readonly milliseconds: number;
  /** Where the rule comes from that decides, for people. */
  readonly rule?: string;
}

export interface ProbeReport {
  readonly results: readonly ProbeResult[];
  /** How many were observed otherwise than expected; one that could not be tried counts. */
  readonly mismatches: number;
  /** Instances that are wanted and could not be probed: of them the results say nothing. */
  readonly missing: readonly MissingInstances[];
}

const MAX_CASES = 50_000;
/** Targets in one request to an agent. */
const BATCH = 200;
const AGENTS_AT_ONCE = 16;
const VERDICTS_AT_ONCE = 1_000;
/** What an agent may need beside the connections themselves. */
const AGENT_SLACK_MS = 15_000;

/** Tries real connections between the containers of an application and compares them with the policy. */
@Injectable()
export class Prober {
  constructor(
    private readonly rpc: RpcClient,
    private readonly desired: DesiredState,
  ) {}

  /** @throws HeddleError `not-found`, `limit`, `unavailable` */
  async probe(request: ProbeRequest, context: RequestContext): Promise<ProbeReport> {
    const { tenant, application, timeoutMs } = request;
    const prefix = `${tenant}/${application}/`;
    const [allocations, endpoints] = await Promise.all([
      this.rpc.call('scheduler.allocations', { tenant }, { context }),
      this.rpc.call('inventory.endpoints', { tenant }, { context }),
    ]);
    const own = allocations.filter((a) => a.metadata.tenant === tenant && a.metadata.application === application);
    if (own.length === 0 && !this.exists(tenant, application)) {
      throw new HeddleError('not-found', `there is no application ${tenant}/${application}`);
    }
    const { cases, missing } = probeWork(
      own,
      endpoints.filter((e) => e.epg?.startsWith(prefix)),
    );
    if (cases.length > MAX_CASES) {
      throw new HeddleError(
        'limit',
        `${prefix.slice(0, -1)} has ${cases.length} connections to try; at most ${MAX_CASES} are tried at once`,
      );
    }
    const unplaced = await this.unplaced(tenant, application, own, context);
    const verdicts = await this.verdicts(cases, context);
    const results = (
      await eachLimited(batches(cases), AGENTS_AT_ONCE, async (batch) => {
        const observations = await this.observe(batch, timeoutMs, context);
        return batch.map((one, i) => resultOf(one, observations[i], verdicts.get(verdictKey(verdictRequest(one)))));
      })
    ).flat();
    return {
      results,
      mismatches: results.filter((r) => r.expected !== r.observed).length,
      missing: [...missing, ...unplaced],
    };
  }

  private exists(tenant: string, application: string): boolean {
    return (
      this.desired.get(`App/${tenant}/${application}`) !== undefined ||
      this.desired.ofKind('Service').some(({ metadata: m }) => m.tenant === tenant && m.application === application)
    );
  }

  private async unplaced(
    tenant: string,
    application: string,
    allocations: readonly HeddleObject<'Allocation'>[],
    context: RequestContext,
  ): Promise<MissingInstances[]> {
    const services = this.desired
      .ofKind('Service')
      .filter(({ metadata: m }) => m.tenant === tenant && m.application === application)
      .map((service) => ({
        path: pathOf(service.kind, service.metadata),
        replicas: (service as HeddleObject<'Service'>).spec.replicas,
      }));
    const missing = withoutAllocation(services, allocations, new Map());
    if (missing.length === 0) return missing;
    const views = await this.rpc.call('scheduler.services', { tenant }, { context });
    return withoutAllocation(services, allocations, new Map(views.map((view) => [view.service, view.reasons])));
  }

  private async verdicts(cases: readonly ProbeCase[], context: RequestContext): Promise<Map<string, VerdictResult>> {
    const questions = [...new Map(cases.map(verdictRequest).map((q) => [verdictKey(q), q])).values()];
    const found = new Map<string, VerdictResult>();
    for (let i = 0; i < questions.length; i += VERDICTS_AT_ONCE) {
      const part: VerdictRequest[] = questions.slice(i, i + VERDICTS_AT_ONCE);
      const answers = await this.rpc.call('policy.verdict', part, { context });
      part.forEach((question, j) => {
        const answer = answers[j];
        if (answer) found.set(verdictKey(question), answer);
      });
    }
    return found;
  }

  /** What one container's agent sees; an agent that does not answer is an `error` of each of its cases. */
  private async observe(
    batch: readonly ProbeCase[],
    timeoutMs: number,
    context: RequestContext,
  ): Promise<readonly (ProbeObservation | string)[]> {
    const [first] = batch;
    if (!first) return [];
    const targets = batch.map(({ destination: { address }, protocol, port }) => ({ address, protocol, port }));
    const request = { allocation: first.source.allocation, targets, timeoutMs };
    try {
      return await this.rpc
        .agent(first.source.host)
        .call('agent.probe', request, { context, deadlineMs: timeoutMs + AGENT_SLACK_MS });
    } catch (error) {
      return batch.map(() => HeddleError.from(error).message);
    }
  }
}

/** The cases by source container, in portions that one request carries. */
function batches(cases: readonly ProbeCase[]): ProbeCase[][] {
  const bySource = new Map<string, ProbeCase[]>();
  for (const one of cases) {
    const list = bySource.get(one.source.allocation);
    if (list) list.push(one);
    else bySource.set(one.source.allocation, [one]);
  }
  return [...bySource.values()].flatMap((list) =>
    Array.from({ length: Math.ceil(list.length / BATCH) }, (_, i) => list.slice(i * BATCH, (i + 1) * BATCH)),
  );
}

function resultOf(
  one: ProbeCase,
  observation: ProbeObservation | string | undefined,
  verdict: VerdictResult | undefined,
): ProbeResult {
  const seen =
    typeof observation === 'object'
      ? observation
      : {
          outcome: 'error' as const,
          detail: observation ?? 'the agent did not answer for this target',
          milliseconds: 0,
        };
  return {
    ...one,
    // No verdict is no permission.
    expected: verdict?.action === 'permit' ? 'open' : 'closed',
    observed: seen.outcome,
    ...(seen.detail === undefined ? {} : { detail: seen.detail }),
    milliseconds: seen.milliseconds,
    ...(verdict?.rule === undefined ? {} : { rule: verdict.rule.origin }),
  };
}
