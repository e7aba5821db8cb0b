import { MemoryBus, subjects, type BusRequest } from '@heddle/messaging';
import type {
  CheckRequest,
  DomainView,
  EndpointView,
  FabricPlan,
  FabricStatus,
  FabricView,
  HeddleObject,
  HostView,
  Problem,
  RulesRequest,
  ServiceView,
  VerdictRequest,
  VerdictResult,
} from '@heddle/model';

/** The policy, inventory, scheduler and fabric services as far as the gateway sees them, with answers that a test chooses. */
export class FakeOwners {
  readonly checked: CheckRequest[] = [];
  readonly rulesAsked: RulesRequest[] = [];
  problems: Problem[] = [];
  hosts: HostView[] = [];
  services: ServiceView[] = [];
  allocations: HeddleObject<'Allocation'>[] = [];
  endpoints: EndpointView[] = [];
  fabricStatuses: FabricStatus[] = [];
  fabricPlan: FabricPlan = { fabric: 'aci', driver: 'apic', position: 1, changes: [], totals: { create: 0, modify: 0, delete: 0 }, conflicts: [], problems: [] }; // prettier-ignore
  /** Digests that were confirmed, with the names of the fabrics. */
  readonly confirmed: unknown[] = [];
  domains: DomainView[] = [];
  fabrics: FabricView[] = [];
  verdict: (request: VerdictRequest) => VerdictResult = () => ({ action: 'deny', reason: 'no contract' });
  /** Called before a check is answered; a test holds it up here. */
  beforeCheck: (request: CheckRequest) => Promise<void> = async () => undefined;
  private readonly bus: MemoryBus;

  constructor(hub: MemoryBus['hub']) {
    this.bus = new MemoryBus({ hub, name: 'owners' });
    const check = async ({ body }: BusRequest): Promise<unknown> => {
      this.checked.push(body as CheckRequest);
      await this.beforeCheck(body as CheckRequest);
      return { problems: this.problems };
    };
    this.answer('policy.check', check);
    this.answer('inventory.check', check);
    this.answer('scheduler.check', check);
    this.answer('policy.preview', () => ({
      opened: [{ source: 'acme/shop/web', destination: 'acme/shop/api', traffic: 'tcp 8080', origin: 'x' }],
      closed: [],
    }));
    this.answer('scheduler.preview', () => ({
      start: [{ service: 'acme/shop/web', host: 'h1', reason: 'new' }],
      stop: [],
    }));
    this.answer('policy.rules', ({ body }) => {
      this.rulesAsked.push(body as RulesRequest);
      return { items: [], total: 0 };
    });
    this.answer('policy.status', () => ({ position: 1, rules: 2, classes: 3 }));
    this.answer('inventory.status', () => ({ position: 1, hosts: this.hosts.length, lost: 0 }));
    this.answer('scheduler.status', () => ({ position: 1_000, pending: 0 }));
    this.answer('inventory.hosts', () => this.hosts);
    this.answer('inventory.endpoints', () => this.endpoints);
    this.answer('inventory.domains', () => this.domains);
    this.answer('inventory.fabrics', () => this.fabrics);
    this.answer('scheduler.services', () => this.services);
    this.answer('scheduler.allocations', () => this.allocations);
    this.answer('fabric.status', ({ body }) => {
      const { fabric } = body as { fabric?: string };
      return this.fabricStatuses.filter((status) => fabric === undefined || status.fabric === fabric);
    });
    this.answer('fabric.plan', () => this.fabricPlan);
    this.answer('fabric.confirm', ({ body }) => {
      this.confirmed.push(body);
      return this.fabricStatuses[0];
    });
    this.answer('policy.verdict', ({ body }) => (body as VerdictRequest[]).map((request) => this.verdict(request)));
  }

  /** Stops answering. */
  close(): Promise<void> {
    return this.bus.close();
  }

  private answer(method: string, handler: (request: BusRequest) => unknown): void {
    const [service, name] = method.split('.') as [string, string];
    this.bus.serve(subjects.rpc(service, name), { queue: service }, handler);
  }
}
