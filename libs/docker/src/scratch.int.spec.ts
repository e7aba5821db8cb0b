import { TestEngine } from './test-engine';
it('starts', async () => {
  const t0 = Date.now();
  const t = await TestEngine.start();
  console.log(Date.now() - t0, await t.engine.info(), await t.engine.version());
  const t1 = Date.now();
  await t.stop();
  console.log(Date.now() - t1);
});
