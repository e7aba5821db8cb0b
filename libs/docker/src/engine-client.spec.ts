import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import util from 'node:util';
import { EngineClient } from './engine-client';

/** An engine that answers when it is told to. */
class SlowEngine {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'hdc-'));
  readonly socketPath = path.join(this.folder, 's');
  private readonly waiting: (() => void)[] = [];
  private readonly server: Server = createServer((_request, response) => {
    this.waiting.push(() => response.end('{}'));
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.socketPath, () => resolve()));
  }

  async underWay(count: number): Promise<void> {
    while (this.waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  answer(): void {
    for (const respond of this.waiting.splice(0)) respond();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('EngineClient', () => {
  it('does not describe every request under way for each new one', async () => {
    const engine = new SlowEngine();
    await engine.start();
    const client = new EngineClient(engine.socketPath);
    const inspect = jest.spyOn(util, 'inspect');
    try {
      const signal = new AbortController().signal;
      const call = () =>
        client.call('ask', { ms: 10_000, signal }, (docker, abortSignal) => docker.version({ abortSignal }));
      const first = Promise.allSettled(Array.from({ length: 20 }, call));
      await engine.underWay(20);
      const last = Promise.allSettled([call()]);
      await engine.underWay(21);
      const described = inspect.mock.results.map(({ value }) => String(value).length);
      expect(described.length).toBeGreaterThan(0);
      expect(Math.max(...described)).toBeLessThan(3_000);
      engine.answer();
      expect((await first).every(({ status }) => status === 'fulfilled')).toBe(true);
      await last;
    } finally {
      inspect.mockRestore();
      client.close();
      engine.stop();
    }
  });
});
