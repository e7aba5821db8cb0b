import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@heddle/host';
import type { Api } from './api';

/** What one file becomes: plural and number of objects. */
const WHOLE = { tenants: 1, vrfs: 1, bridgedomains: 1, filters: 1, contracts: 1, apps: 1, epgs: 2, services: 2 };

/** A tenant with an application in it, of which nothing runs. */
const fileOf = (tenant: string): string => `
kind: Tenant
metadata: { name: ${tenant} }
---
kind: App
metadata: { tenant: ${tenant}, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 0, ports: { http: 8080 } }
    api: { image: heddle/demo, replicas: 0, ports: { http: 8080 } }
  connect: [{ from: web, to: api, port: http }]
`;

/** Between two files: enough of them to be in the middle of one at any moment, and few enough to look at afterwards. */
const PAUSE_MS = 20;

interface Attempt {
  readonly tenant: string;
  /** Of the answer; 0 when there was none. */
  readonly status: number;
}

/** Applies one file after the other, whatever happens to the control plane, and remembers what was answered. */
export class Applying {
  private readonly attempts: Attempt[] = [];
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(private readonly api: Api) {
    this.running = this.run();
  }

  get acknowledged(): number {
    return this.attempts.filter(({ status }) => status === 200).length;
  }

  /** Waits until so many more were acknowledged. */
  async more(files: number): Promise<void> {
    const enough = this.acknowledged + files;
    await waitFor(() => this.acknowledged >= enough, {
      deadlineMs: 30_000,
      intervalMs: 5,
      what: () =>
        `${files} more changes to be acknowledged; the last answers were ${JSON.stringify(this.attempts.slice(-3))}`,
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /**
   * Of every file that was acknowledged all objects are there, of every other one all or none; and what was not acknowledged
   * is there once when it is asked for again.
   * @returns how many were not acknowledged
   */
  async expectWhole(): Promise<number> {
    const before = await this.objects();
    const open = this.attempts.filter(({ status }) => status !== 200);
    for (const { tenant, status } of this.attempts) {
      const found = before.get(tenant) ?? {};
      if (status === 200) expect({ tenant, found }).toEqual({ tenant, found: WHOLE });
      else expect([{}, WHOLE]).toContainEqual(found);
    }
    for (const { tenant } of open) expect((await this.apply(tenant)).status).toBe(200);
    const after = await this.objects();
    for (const { tenant } of this.attempts)
      expect({ tenant, found: after.get(tenant) }).toEqual({ tenant, found: WHOLE });
    return open.length;
  }

  private apply(tenant: string): Promise<{ status: number }> {
    return this.api.call('POST', '/api/v1/apply', fileOf(tenant), { 'idempotency-key': `apply-${tenant}` });
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const tenant = `t${i}`;
      try {
        this.attempts.push({ tenant, status: (await this.apply(tenant)).status });
      } catch {
        // The connection was cut: whether the change was made is not known.
        this.attempts.push({ tenant, status: 0 });
        await delay(10 * PAUSE_MS);
      }
      await delay(PAUSE_MS);
    }
  }

  /** Number of objects by kind, for each tenant. */
  private async objects(): Promise<Map<string, Record<string, number>>> {
    const found = new Map<string, Record<string, number>>();
    for (const plural of Object.keys(WHOLE)) {
      const { items } = await this.api.ok<{ items: { metadata: { name: string; tenant?: string } }[] }>(
        'GET',
        `/api/v1/${plural}?limit=1000`,
      );
      for (const { metadata } of items) {
        const counts = found.get(metadata.tenant ?? metadata.name) ?? {};
        found.set(metadata.tenant ?? metadata.name, { ...counts, [plural]: (counts[plural] ?? 0) + 1 });
      }
    }
    return found;
  }
}
