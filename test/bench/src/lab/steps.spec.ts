import { FakeClock } from '@heddle/host';
import { StepTimes } from './steps';

it('gives the time of a step as that of the slowest node, in the order of first ends', async () => {
  const clock = new FakeClock();
  const times = new StepTimes(clock);
  const done = (node: string | undefined, step: string, ms: number): void =>
    times.onProgress({ step, state: 'done', ms, ...(node === undefined ? {} : { node }) });
  times.onProgress({ node: 'h1', step: 'start ovsdb', state: 'started' });
  done('leaf', 'start ovsdb', 40);
  done('h2', 'start ovsdb', 200);
  done('h1', 'start ovsdb', 300);
  done('leaf', 'connect h1', 50);
  done('leaf', 'connect h2', 80);
  done('ctl', 'start server', 1_500);
  done(undefined, 'clear', 10);
  times.onProgress({ node: 'h3', step: 'start ovsdb', state: 'failed', ms: 9_000 });
  await times.timed('lab: hosts ready', () => clock.advance(2_500));
  expect([...times.seconds]).toEqual([
    ['leaf: start ovsdb', 0.04],
    ['host: start ovsdb', 0.3],
    ['leaf: connect a host', 0.08],
    ['control node: start server', 1.5],
    ['lab: clear', 0.01],
    ['lab: hosts ready', 2.5],
  ]);
});
