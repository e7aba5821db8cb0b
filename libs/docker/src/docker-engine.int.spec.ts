import type { ContainerSpec } from './container-spec';
import { buildDemoImage, DEMO_IMAGE } from './image/demo-image';
import { describeEngine } from './testing/engine-contract';
import { TestEngine } from './test-engine';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

const TALKER = `trap 'exit 3' USR1
echo hello
echo oops >&2
while :; do sleep 1000 & wait $!; done`;

const spec = (name: string): ContainerSpec => ({
  name,
  image: DEMO_IMAGE,
  command: ['/bin/sh', '-c', TALKER],
  network: { name: 'none' },
  resources: { cpu: 0.5, memoryBytes: 32 * 1024 * 1024, pids: 16 },
});

describeRoot('the Docker Engine', () => {
  let test: TestEngine;
  beforeAll(async () => {
    test = await TestEngine.start();
    await buildDemoImage(test.engine);
  });
  afterAll(() => test.stop());

  describeEngine('Docker', () => ({
    engine: test.engine,
    spec,
    exit: (id) => test.engine.kill(id, 'SIGUSR1'),
    settled: async (id) => {
      let lines = 0;
      for await (const _line of test.engine.logs(id, { follow: true })) if (++lines === 2) break;
    },
  }));
});
