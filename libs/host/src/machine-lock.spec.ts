import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MachineLock } from './machine-lock';

const name = (): string => `test-${process.pid}-${expect.getState().currentTestName?.length}`;

describe('MachineLock', () => {
  it('is held by one at a time and passes to who waits', async () => {
    const first = await MachineLock.acquire(name(), { deadlineMs: 1_000, purpose: 'first' });
    const second = MachineLock.acquire(name(), { deadlineMs: 10_000, purpose: 'second' });
    await expect(MachineLock.holder(name())).resolves.toBe('first');
    await first.release();
    const lock = await second;
    await expect(MachineLock.holder(name())).resolves.toBe('second');
    await lock.release();
    await expect(MachineLock.holder(name())).resolves.toBeUndefined();
  });

  it('names the holder to who waited in vain', async () => {
    const lock = await MachineLock.acquire(name(), { deadlineMs: 1_000, purpose: 'lab up' });
    await expect(MachineLock.acquire(name(), { deadlineMs: 60, purpose: 'x' })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/is locked, still after 60 ms, by: lab up$/),
    });
    await lock.release();
  });

  it('is taken back from a process that is killed', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(`\0${`heddle:${name()}`.padEnd(107, '.')}`)}, () => console.log('held'))`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const waiting = MachineLock.acquire(name(), { deadlineMs: 10_000, purpose: 'next' });
    holder.kill('SIGKILL');
    await (await waiting).release();
  });

  it('refuses a name that the kernel would cut', async () => {
    await expect(MachineLock.acquire('x'.repeat(91), { deadlineMs: 1, purpose: 'x' })).rejects.toMatchObject({
      code: 'invalid',
    });
  });
});
