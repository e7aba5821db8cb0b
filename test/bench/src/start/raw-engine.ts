import { request } from 'node:http';
import { createRequest, DEMO_IMAGE, type CreateRequest } from '@heddle/docker';
import { HeddleError } from '@heddle/model';

const DEADLINE_MS = 60_000;

/** How a measured container is connected. */
export interface Attachment {
  /** Name of the network in the engine. */
  readonly network: string;
  readonly driverOpts?: Readonly<Record<string, string>>;
}

/**
 * The engine's HTTP API as it is, without our client: every kind of network gets the same three requests, also those that
 * our client refuses to use.
 */
export class RawEngine {
  constructor(private readonly socketPath: string) {}

  /** Creates a container that is the same for every network, and returns its id. */
  async create(name: string, { network, driverOpts }: Attachment): Promise<string> {
    const body: CreateRequest = createRequest({
      name,
      image: DEMO_IMAGE,
      network: { name: 'none' },
      resources: { cpu: 1, memoryBytes: 32 * 1024 * 1024, pids: 64 },
    });
    const connected = {
      ...body,
      HostConfig: { ...body.HostConfig, NetworkMode: network },
      NetworkingConfig: { EndpointsConfig: driverOpts ? { [network]: { DriverOpts: driverOpts } } : {} },
    };
    const { Id } = await this.call<{ Id: string }>('POST', `/containers/create?name=${name}`, connected);
    return Id;
  }

  async start(id: string): Promise<void> {
    await this.call('POST', `/containers/${id}/start`);
  }

  async remove(id: string): Promise<void> {
    await this.call('DELETE', `/containers/${id}?force=true&v=true`);
  }

  async createBridgeNetwork(name: string): Promise<void> {
    await this.call('POST', '/networks/create', { Name: name, Driver: 'bridge', CheckDuplicate: true });
  }

  private call<T>(method: string, path: string, body?: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const call = request({ socketPath: this.socketPath, method, path, headers, timeout: DEADLINE_MS }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status >= 300) reject(new HeddleError('internal', `${method} ${path} answered ${status}: ${text}`));
          else resolve((text === '' ? undefined : JSON.parse(text)) as T);
        });
      });
      call.on('timeout', () => call.destroy(new HeddleError('deadline', `${method} ${path}: no answer`)));
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
