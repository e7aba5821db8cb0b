import { waitFor } from '@heddle/host';
import type { EventFact } from '@heddle/model';
import { parseAllDocuments } from 'yaml';
import { InterruptedError } from '../interrupt';
import { allocation, SHOP } from '../testing/cluster';
import { FakeTerminal } from '../testing/fake-terminal';
import { bench } from '../testing/run';
import { withApi } from '../testing/with-api';

const { api, run } = withApi();
const until = (what: string, condition: () => boolean) =>
  waitFor(condition, { deadlineMs: 10_000, what, intervalMs: 5 });

/** Runs a command that does not end by itself, and stops it. */
function start(words: readonly string[]) {
  const terminal = new FakeTerminal();
  const controller = new AbortController();
  const result = run(words, { terminal, signal: controller.signal });
  return {
    terminal,
    shows: (text: string) => until(`"${text}" to be shown`, () => terminal.out.includes(text)),
    stop: () => {
      controller.abort(new InterruptedError('SIGINT'));
      return result;
    },
    result,
  };
}

describe('events -w', () => {
  const fact = (n: number): EventFact => ({
    at: new Date(Date.UTC(2026, 0, 1, 12, 0, n)).toISOString(),
    kind: 'Service',
    tenant: 'acme',
    name: 'shop/web',
    what: 'started',
    message: `number ${n}`,
  });

  it('shows the past, what happens, and what happened while the connection was lost', async () => {
    api().emit(fact(1));
    const command = start(['events', '-w', '--kind', 'services', '--tenant', 'acme']);
    await command.shows('12:00:01.000  Service/acme/shop/web  started  number 1\n');
    api().emit(fact(2));
    await command.shows('number 2');
    api().breakStreams();
    api().facts.push(fact(3));
    await command.shows('number 3');
    api().emit(fact(4));
    await command.shows('number 4');
    expect((await command.stop()).code).toBe(130);
    expect(command.terminal.out.match(/number \d/g)).toEqual(['number 1', 'number 2', 'number 3', 'number 4']);
    expect(command.terminal.err).toContain('trying again: cannot reach');
    const streams = api().requests.filter(({ path }) => path === '/events/stream');
    expect(streams[0]?.query).toEqual({ kind: 'Service', tenant: 'acme' });
    await until('the stream to be closed', () => api().watchers === 0);
  });

  it.each([
    [
      'json',
      (text: string) =>
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
    ],
    ['yaml', (text: string) => parseAllDocuments(text).map((document) => document.toJS() as unknown)],
  ])('prints one after the other for programs, as %s', async (format, read) => {
    api().emit(fact(1));
    const command = start(['events', '-w', '-o', format]);
    await command.shows('number 1');
    await until('the stream to be open', () => api().watchers === 1);
    api().emit(fact(2));
    await command.shows('number 2');
    await command.stop();
    expect(read(command.terminal.out)).toEqual([fact(1), fact(2)]);
    expect(command.terminal.out.startsWith(format === 'yaml' ? '---\nat: ' : '{"at":')).toBe(true);
  });

  it('ends when the server says that going on is of no use', async () => {
    const body = 'event: error\ndata: {"code":"forbidden","message":"not yours","retryable":false}\n\n';
    api().intercept = ({ path }) => (path === '/events/stream' ? { status: 200, body } : undefined);
    expect(await run(['events', '-w'])).toMatchObject({ code: 1, err: 'error: not yours\n' });
  });

  it('lists the past without -w', async () => {
    api().emit(fact(1));
    const { out } = await run(['events', '-o', 'json']);
    expect(JSON.parse(out)).toEqual({ items: [fact(1)] });
  });
});

describe('logs', () => {
  beforeEach(() => {
    api().load(SHOP);
    api().set(
      allocation('acme/shop/web', '1', 'h1'),
      allocation('acme/shop/web', '2', 'h2'),
      allocation('acme/shop/api', '1', 'h1'),
    );
    api().writeLog('acme/shop/web-1', { stream: 'stdout', line: 'one' });
    api().writeLog('acme/shop/web-1', { stream: 'stderr', line: 'oh' });
    api().writeLog('acme/shop/web-2', { stream: 'stdout', line: 'two' });
  });

  it('shows the instances of a service with their names, and each stream on its own', async () => {
    expect(await run(['logs', 'web'])).toEqual({ code: 0, out: 'web-1 one\nweb-2 two\n', err: 'web-1 oh\n' });
  });

  it('shows one allocation as it is', async () => {
    expect(await run(['logs', 'web-1', '--tail', '1'])).toEqual({ code: 0, out: '', err: 'oh\n' });
  });

  it('follows, also an instance that comes later, and ends when none is left', async () => {
    const command = start(['logs', '-f', 'web', '--tail', '0']);
    await until(
      'both to be followed',
      () => api().followersOf('acme/shop/web-1') + api().followersOf('acme/shop/web-2') === 2,
    );
    api().writeLog('acme/shop/web-2', { stream: 'stdout', line: 'three' });
    await command.shows('web-2 three');
    api().writeLog('acme/shop/web-3', { stream: 'stdout', line: 'from the beginning' });
    api().set(allocation('acme/shop/web', '3', 'h3'));
    await command.shows('web-3 from the beginning');
    for (const name of ['web-1', 'web-2', 'web-3']) {
      api().objects.delete(`Allocation/acme/shop/${name}`);
      api().endLogs(`acme/shop/${name}`);
    }
    expect((await command.result).code).toBe(0);
    expect(command.terminal.out).not.toContain('web-1 one');
  });

  it('does not take output that broke off for all there is', async () => {
    const body =
      '{"stream":"stdout","line":"one"}\n{"error":{"code":"unavailable","message":"h1 does not answer","retryable":true}}\n';
    api().intercept = ({ path }) => (path.endsWith('/logs') ? { status: 200, body } : undefined);
    expect(await run(['logs', 'web-1'])).toEqual({ code: 6, out: 'one\n', err: 'error: h1 does not answer\n' });
  });

  it('stops when it is told to', async () => {
    const command = start(['logs', '-f', 'web-1']);
    await command.shows('one');
    expect((await command.stop()).code).toBe(130);
    await until('the stream to be closed', () => api().followersOf('acme/shop/web-1') === 0);
  });

  it('ends with 4 when there is no such thing', async () => {
    expect((await run(['logs', 'db'])).code).toBe(4);
  });
});

describe('probe', () => {
  it('says what it looks for where an application has Endpoints only', async () => {
    api().intercept = ({ path }) =>
      path === '/probe'
        ? {
            status: 404,
            body: { code: 'not-found', message: 'there is no application acme/accounts', retryable: false },
          }
        : undefined;
    const { code, err } = await run(['probe', 'acme/accounts']);
    expect([code, err]).toEqual([
      4,
      'error: there is no application acme/accounts that has an App, services or containers; connections are tried from containers, so one with Endpoints only cannot be probed\n',
    ]);
  });

  const peer = (name: string) => ({
    allocation: `acme/shop/${name}-1`,
    epg: `acme/shop/${name}`,
    host: 'h1',
    address: '10.32.0.7',
  });
  const result = (observed: 'open' | 'closed') => ({
    ...{
      source: peer('web'),
      destination: peer('api'),
      protocol: 'tcp',
      port: 8080,
      expected: 'open' as const,
      observed,
      milliseconds: 1,
    },
  });

  beforeEach(() => api().load(SHOP));

  it('asks for an application and ends with 0 when all is as the policy says', async () => {
    api().probe = { results: [result('open')], mismatches: 0, missing: [] };
    const { code, out } = await run(['probe', 'shop', '--timeout', '500ms']);
    expect([code, out.split('\n').at(-2)]).toEqual([0, '1 connection tried, all as the policy says']);
    const asked = api().requests.find(({ path }) => path === '/probe');
    expect(JSON.parse(asked?.body ?? '')).toEqual({ tenant: 'acme', application: 'shop', timeoutMs: 500 });
  });

  it('saves the answer for programs beside the table for people', async () => {
    const place = bench(api());
    api().probe = { results: [result('open')], mismatches: 0, missing: [] };
    await place.run(['probe', 'shop', '--save', '/tmp/answer.json']);
    expect(await place.files.readJson('/tmp/answer.json')).toEqual(api().probe);
  });

  it('ends with 1 at a mismatch, and when nothing could be tried', async () => {
    api().probe = { results: [result('closed')], mismatches: 1, missing: [] };
    expect((await run(['probe', 'shop', '-o', 'wide'])).code).toBe(1);
    api().probe = { results: [], mismatches: 0, missing: [] };
    expect((await run(['probe', 'shop'])).code).toBe(1);
  });

  it('ends with 1 when a wanted instance could not be probed, and names it', async () => {
    const reason = 'it has no endpoint: starting';
    const missing = [
      { service: 'acme/shop/web', instances: 1, allocation: 'acme/shop/web-2', host: 'h2', reason },
      { service: 'acme/shop/web', instances: 2, reason: 'not placed: h1 is full' },
    ];
    api().probe = { results: [result('open')], mismatches: 0, missing };
    const { code, out } = await run(['probe', 'shop']);
    expect([code, out.split('\n').slice(-6)]).toEqual([
      1,
      [
        'Not probed',
        `  web-2 (h2): ${reason}`,
        '  2 instances of web: not placed: h1 is full',
        '',
        '1 connection tried, all as the policy says; 3 instances not probed',
        '',
      ],
    ]);
    api().probe = { results: [], mismatches: 0, missing };
    expect((await run(['probe', 'shop'])).out).toContain(`  web-2 (h2): ${reason}\n`);
    expect(JSON.parse((await run(['probe', 'shop', '-o', 'json'])).out)).toEqual(api().probe);
  });
});
