import { DockerEngine, type ContainerInspection } from '@heddle/docker';
import type { HostNode } from '@heddle/lab';
import { HeddleError } from '@heddle/model';

/** A container of ours that runs, as its engine shows it. */
export interface RunningContainer {
  readonly allocation: string;
  /** tenant/application/EPG */
  readonly epg: string;
  readonly host: string;
  readonly id: string;
  readonly pid: number;
  readonly address: string;
  readonly startedAt: string;
}

/** Runs something with the engine of a host. */
export async function withEngine<T>(host: HostNode, work: (engine: DockerEngine) => Promise<T>): Promise<T> {
  const engine = new DockerEngine({ socketPath: (await host.config()).docker.socket });
  try {
    return await work(engine);
  } finally {
    engine.close();
  }
}

/** The containers of allocations that run on a host, by allocation. */
export async function containersOn(host: HostNode): Promise<Map<string, RunningContainer>> {
  return withEngine(host, async (engine) => {
    const listed = await engine.list({ labels: { 'heddle.allocation': true } });
    const inspected = await Promise.all(listed.map(({ id }) => inspectIfThere(engine, id)));
    const running = inspected.flatMap((container) => (container?.status === 'running' ? [container] : []));
    return new Map(running.map((container) => describeContainer(host.name, container)).map((c) => [c.allocation, c]));
  });
}

/** A container that was listed may be gone when it is looked at: then it does not run. */
async function inspectIfThere(engine: DockerEngine, id: string): Promise<ContainerInspection | undefined> {
  try {
    return await engine.inspect(id);
  } catch (error) {
    if (HeddleError.from(error).code === 'not-found') return undefined;
    throw error;
  }
}

const describeContainer = (host: string, container: ContainerInspection): RunningContainer => ({
  allocation: container.labels['heddle.allocation'] ?? '',
  epg: container.labels['heddle.epg'] ?? '',
  host,
  id: container.id,
  pid: container.pid ?? 0,
  address: Object.values(container.networks)[0]?.ipv4Address ?? '',
  startedAt: container.startedAt ?? '',
});
