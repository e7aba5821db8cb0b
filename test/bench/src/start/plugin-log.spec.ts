import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { handlerTimes, PluginLog } from './plugin-log';

const LINES = [
  { level: 'info', msg: 'attach daemon ready' },
  { msg: 'x', call: 'IpamDriver.RequestAddress', milliseconds: 0.5 },
  { msg: 'x', parts: { link: 3, port: 5.5, policy: 2 } },
  { msg: 'x', call: 'NetworkDriver.Join', milliseconds: 11 },
  { msg: 'x', call: 'NetworkDriver.EndpointOperInfo', milliseconds: 0.25 },
  { msg: 'x', call: 'NetworkDriver.EndpointOperInfo', milliseconds: 0.25 },
];
const text = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

it('adds up calls and the parts of Join', () => {
  const times = handlerTimes(text(LINES));
  expect(times.all).toBe(12);
  expect(Object.fromEntries(times.calls)).toEqual({
    'IpamDriver.RequestAddress': 0.5,
    'NetworkDriver.Join': 11,
    'NetworkDriver.EndpointOperInfo': 0.5,
  });
  expect(Object.fromEntries(times.parts)).toEqual({ link: 3, port: 5.5, policy: 2 });
  expect(handlerTimes('').all).toBe(0);
});

it('reads what is new', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  try {
    const file = path.join(folder, 'attach.log');
    await writeFile(file, text(LINES));
    const log = new PluginLog(file);
    await log.skip();
    await appendFile(file, text(LINES.slice(1, 2)));
    expect((await log.next()).all).toBe(0.5);
    expect((await log.next()).all).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
