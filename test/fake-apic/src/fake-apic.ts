import { Controller, type ControllerOptions, type Fault, type RequestSeen } from './controller';
import { ManagementTree, type Body, type Mo } from './tree';

export interface FakeApicOptions extends Partial<ControllerOptions> {
  /** How many controllers the cluster has. Default 1. */
  readonly controllers?: number;
}

const DEFAULTS: ControllerOptions = {
  user: 'heddle',
  password: 'secret',
  tokenSeconds: 300,
  maximumSeconds: 86_400,
  // "Subscribing to Query Results": one minute unless it is refreshed.
  subscriptionSeconds: 60,
};

/**
 * A cluster of APIC controllers in this process, reached over real HTTP and web sockets on free ports. Its controllers show one
 * tree; sessions, subscriptions and faults are each controller's own.
 */
export class FakeApic {
  readonly tree = new ManagementTree();
  readonly controllers: readonly Controller[];

  private constructor({ controllers = 1, ...options }: FakeApicOptions) {
    this.controllers = Array.from(
      { length: controllers },
      () => new Controller(this.tree, { ...DEFAULTS, ...options }, (events) => this.tell(events)),
    );
  }

  static async start(options: FakeApicOptions = {}): Promise<FakeApic> {
    const apic = new FakeApic(options);
    for (const controller of apic.controllers) await controller.start();
    return apic;
  }

  async stop(): Promise<void> {
    for (const controller of this.controllers) await controller.stop();
  }

  get urls(): string[] {
    return this.controllers.map(({ url }) => url);
  }

  get first(): Controller {
    return this.controllers[0] as Controller;
  }

  /** Somebody else changes something: told to subscribers, and to nobody else. */
  change(dn: string, body: Body): void {
    this.tell(this.tree.post(dn, body));
  }

  remove(dn: string): void {
    this.tell(this.tree.delete(dn));
  }

  get(dn: string): Mo | undefined {
    return this.tree.get(dn);
  }

  /** Names of the objects with an annotation, sorted. */
  marked(annotation: string): string[] {
    return this.tree.all().flatMap(({ dn, attributes }) => (attributes['annotation'] === annotation ? [dn] : [])).sort(); // prettier-ignore
  }

  /** The same fault at all controllers; none ends it. */
  breakDown(fault?: (request: RequestSeen) => Fault | undefined): void {
    for (const controller of this.controllers) controller.fault = fault ?? (() => undefined);
  }

  /** All requests that changed or tried to change the tree, in their order, whichever controller they came to. */
  get posts(): RequestSeen[] {
    const isChange = ({ method, path }: RequestSeen): boolean => method !== 'GET' && path.startsWith('/api/mo/');
    return this.controllers.flatMap(({ requests }) => requests.filter(isChange));
  }

  private tell(events: Parameters<Controller['subscriptions']['publish']>[0]): void {
    for (const { subscriptions } of this.controllers) subscriptions.publish(events);
  }
}
