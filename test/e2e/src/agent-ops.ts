import { get } from 'node:http';
import { waitFor } from '@heddle/host';
import type { HostNode } from '@heddle/lab';

interface Check {
  readonly name: string;
  readonly ready: boolean;
  readonly reason?: string;
}

/** What the agent of a host says of itself, or nothing while it does not answer. */
export async function agentChecks(host: HostNode): Promise<readonly Check[] | undefined> {
  const { agent } = await host.config();
  return new Promise((resolve) => {
    const call = get({ socketPath: agent.socket, path: '/readyz', timeout: 2_000, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { checks } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { checks: Check[] };
        resolve(checks);
      });
    });
    call.on('timeout', () => call.destroy());
    // Not there at the moment: whoever waits asks again.
    call.on('error', () => resolve(undefined));
  });
}

/** Waits until the agent of a host is there and finds everything in order. */
export async function whenAgentReady(host: HostNode, deadlineMs = 20_000): Promise<void> {
  let last: unknown;
  await waitFor(
    async () => {
      const checks = await agentChecks(host);
      last = checks;
      return checks?.every((check) => check.ready);
    },
    {
      deadlineMs,
      intervalMs: 20,
      what: () => `the agent of ${host.name} to be ready; it says ${JSON.stringify(last)}`,
    },
  );
}
