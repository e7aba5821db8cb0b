import { TestEngine } from './test-engine';
import { buildDemoImage, DEMO_IMAGE } from './image/demo-image';
import { TOY_NETWORK, ToyDriver } from './testing/toy-driver';
const med = (a: number[]) => [...a].sort((x, y) => x - y)[Math.floor(a.length / 2)]!.toFixed(1);
it('measures', async () => {
  const t0 = performance.now();
  const test = await TestEngine.start();
  const t1 = performance.now();
  const toy = new ToyDriver(test);
  const plugin = await toy.serve();
  try {
    const b0 = performance.now();
    await buildDemoImage(test.engine);
    const b1 = performance.now();
    await buildDemoImage(test.engine);
    const b2 = performance.now();
    const image = await test.engine.inspectImage(DEMO_IMAGE);
    await test.engine.ensureNetwork(TOY_NETWORK);
    const spec = (name: string, network: string) => ({
      name,
      image: DEMO_IMAGE,
      network: { name: network },
      resources: { cpu: 1, memoryBytes: 32e6, pids: 32 },
      readOnlyRootfs: true,
    });
    const r: Record<string, { create: number[]; start: number[]; total: number[]; rm: number[] }> = {};
    for (let i = 0; i < 11; i++)
      for (const net of [TOY_NETWORK.name, 'none']) {
        const m = (r[net] ??= { create: [], start: [], total: [], rm: [] });
        const a = performance.now();
        const id = await test.engine.createContainer(spec(`c${i}${net}`, net));
        const b = performance.now();
        await test.engine.start(id);
        const c = performance.now();
        await test.engine.remove(id, { force: true });
        const d = performance.now();
        if (i > 0) {
          m.create.push(b - a);
          m.start.push(c - b);
          m.total.push(c - a);
          m.rm.push(d - c);
        }
      }
    const own: Record<string, number[]> = {};
    for (const c of toy.calls) (own[c.method] ??= []).push(c.milliseconds);
    const s0 = performance.now();
    await test.stop();
    const s1 = performance.now();
    process.stdout.write(
      JSON.stringify(
        {
          engineStart: t1 - t0,
          engineStop: s1 - s0,
          imageBytes: image.sizeBytes,
          build: b1 - b0,
          again: b2 - b1,
          ...Object.fromEntries(
            Object.entries(r).map(([k, m]) => [
              k,
              Object.fromEntries(
                Object.entries(m).map(([x, y]) => [
                  x,
                  med(y) + ' min ' + Math.min(...y).toFixed(0) + ' max ' + Math.max(...y).toFixed(0),
                ]),
              ),
            ]),
          ),
          own: Object.fromEntries(Object.entries(own).map(([k, v]) => [k, med(v)])),
        },
        null,
        1,
      ) + '\n',
    );
  } finally {
    await test.stop();
    await plugin.stop(0);
  }
}, 60000);
