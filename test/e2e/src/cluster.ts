import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildDemoImage, DockerEngine } from '@heddle/docker';
import { waitFor } from '@heddle/host';
import { labCommands } from '@heddle/cli';
import { Lab, leftovers, type HostNode, type LabHostSpec, type Leftovers } from '@heddle/lab';
import { Api } from './api';

/** The applications as they are built: end-to-end tests run what users run. */
export const APPS = path.resolve(__dirname, '../../../apps');

/** Where the tests need root; without it they are skipped, and the run says so. */
export const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

/**
 * The name of a test's lab: another in every checkout, so that runs of two of them at one time do not clear each other's
 * labs, and always the same in this one, so that a run clears what an earlier one left.
 * @param short up to three letters, which no other test has
 */
export function labName(short: string): string {
  return short + createHash('sha256').update(APPS).digest('hex').slice(0, 4);
}

/** A lab with its control plane and hosts, reached like any other cluster. */
export class TestCluster {
  private constructor(
    readonly lab: Lab,
    readonly hostNames: readonly string[],
    private apiClient: Api,
  ) {}

  /**
   * Brings a lab up with the example image on every host, and waits until all hosts are ready.
   * @param short of its name, see {@link labName}
   * @param hosts how many, named h1, h2, ..., or which
   */
  static async start(short: string, hosts: number | readonly LabHostSpec[]): Promise<TestCluster> {
    const specs = typeof hosts === 'number' ? Array.from({ length: hosts }, (_, i) => ({ name: `h${i + 1}` })) : hosts;
    const names = specs.map((spec) => spec.name);
    const lab: Lab = await Lab.open({
      name: labName(short),
      hosts: specs,
      commands: labCommands(APPS),
      credentials: (host) => credentials(lab, host),
    });
    // What an earlier run that was killed may have left.
    await lab.down();
    await lab.up();
    try {
      const cluster = new TestCluster(lab, names, await connect(lab));
      await Promise.all(names.map((host) => cluster.buildImage(host)));
      await cluster.whenReady();
      return cluster;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  get api(): Api {
    return this.apiClient;
  }

  host(name: string): HostNode {
    return this.lab.host(name);
  }

  /** After the control plane was started again its address may be another one. */
  async reconnect(): Promise<void> {
    this.apiClient = await connect(this.lab);
  }

  async engine(host: string): Promise<DockerEngine> {
    return new DockerEngine({ socketPath: (await this.host(host).config()).docker.socket });
  }

  /** @param hosts by default all of them, and the leaf */
  async whenReady(hosts: readonly string[] = [...this.hostNames, 'leaf'], deadlineMs = 30_000): Promise<void> {
    let seen = '';
    await waitFor(
      async () => {
        const views = await this.api.hosts();
        seen = views.map((h) => `${h.name} ${h.state}: ${h.reason} ${h.problems.join(', ')}`).join('; ');
        return hosts.every((name) =>
          views.some((h) => h.name === name && h.state === 'ready' && h.problems.length === 0),
        );
      },
      { deadlineMs, intervalMs: 100, what: () => `hosts ${hosts.join(', ')} to be ready; last seen ${seen}` },
    );
  }

  async stop(): Promise<void> {
    await this.lab.down();
  }

  private async buildImage(host: string): Promise<void> {
    const engine = await this.engine(host);
    try {
      await buildDemoImage(engine);
    } finally {
      engine.close();
    }
  }
}

async function connect(lab: Lab): Promise<Api> {
  const status = await lab.status();
  if (!status.api) throw new Error(`lab ${lab.name} has no API address`);
  const token = await waitFor(() => readToken(lab), { deadlineMs: 10_000, what: 'the token of the control plane' });
  return new Api(status.api.url, token);
}

function readToken(lab: Lab): string | undefined {
  try {
    return readFileSync(path.join(lab.control.layout.data, 'admin-token'), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function credentials(lab: Lab, host: string): Promise<string> {
  const answer = await waitFor(
    async () => {
      try {
        const api = await connect(lab);
        const { status, body } = await api.call<{ seed?: string }>('POST', `/api/v1/hosts/${host}/credentials`);
        return status < 300 ? body.seed : undefined;
      } catch {
        // The control plane is starting; the deadline bounds the wait.
        return undefined;
      }
    },
    { deadlineMs: 30_000, intervalMs: 100, what: `credentials of host ${host}` },
  );
  return answer;
}

export { leftovers, type Leftovers };
