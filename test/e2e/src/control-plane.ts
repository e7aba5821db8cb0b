import { readFile } from 'node:fs/promises';
import { waitFor } from '@heddle/host';
import type { TestCluster } from './cluster';

export interface StoreState {
  readonly state: string;
  readonly explain?: string;
}

/** The control plane of a lab, as those who break it see it. */
export class ControlPlane {
  constructor(private readonly cluster: TestCluster) {}

  /** Folder of the store. */
  get storeFolder(): string {
    return `${this.cluster.lab.control.layout.data}/nats/jetstream`;
  }

  kill(): Promise<boolean> {
    return this.cluster.lab.kill('server');
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    const { control } = this.cluster.lab;
    await this.cluster.lab.kill('server', 'SIGTERM');
    const stopped = async (): Promise<boolean> =>
      (await control.status()).parts.some((part) => part.name === 'server' && part.state === 'dead');
    await waitFor(stopped, { deadlineMs: 15_000, what: 'the control plane to end' });
  }

  /** Starts it, and waits until it answers; what it thinks of its store is another matter. */
  async start(): Promise<void> {
    await this.cluster.lab.start('server');
    await this.whenAnswering();
  }

  async killNats(): Promise<void> {
    process.kill(await this.natsPid(), 'SIGKILL');
  }

  private async natsPid(): Promise<number> {
    const server = await this.cluster.lab.control.pid('server');
    const children = await readFile(`/proc/${server}/task/${server}/children`, 'utf8');
    const pid = Number(children.trim().split(' ')[0]);
    if (!(pid > 1)) throw new Error(`the control plane ${server} has no child`);
    return pid;
  }

  private async whenAnswering(): Promise<void> {
    await waitFor(() => this.answers('/healthz'), { deadlineMs: 20_000, what: 'the control plane to answer' });
  }

  /** Waits until it says that nothing is missing. */
  async whenReady(): Promise<void> {
    await waitFor(() => this.answers('/readyz'), {
      deadlineMs: 20_000,
      intervalMs: 100,
      what: 'the control plane to be ready',
    });
  }

  async store(): Promise<StoreState> {
    return (await this.cluster.api.ok<{ store: StoreState }>('GET', '/api/v1/status')).store;
  }

  /** What the hosts complain of. */
  async problems(): Promise<string> {
    return (await this.cluster.api.hosts()).flatMap((host) => host.problems).join('; ');
  }

  private async answers(path: string): Promise<boolean> {
    try {
      return (await this.cluster.api.call('GET', path)).status === 200;
    } catch {
      // Nobody listens at this moment; the deadline of the wait bounds it.
      return false;
    }
  }
}
