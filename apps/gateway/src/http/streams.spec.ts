import http from 'node:http';
import { waitFor } from '@heddle/host';
import { MemoryBus, subjects, type BusRequest } from '@heddle/messaging';
import { HeddleError, type EventFact, type HeddleObject, type ProbeObservation, type ProbeTarget } from '@heddle/model';
import type { ApiClient } from '../testing/api-client';
import type { FakeOwners } from '../testing/fake-owners';
import { SHOP } from '../testing/files';
import { startWithOwners, type TestGateway } from '../testing/test-gateway';

const WITHIN = { deadlineMs: 20_000, what: 'the stream' };

const allocation = (name: string, service: string, host: string): HeddleObject<'Allocation'> =>
  ({
    apiVersion: 'heddle/v1',
    kind: 'Allocation',
    metadata: { tenant: 'acme', application: 'shop', name, labels: {}, annotations: {} },
    spec: {
      service,
      host,
      epg: service,
      desired: 'run',
      template: { ports: { http: { port: 8080, protocol: 'tcp' } } },
    },
  }) as unknown as HeddleObject<'Allocation'>;

const endpoint = (name: string, service: string, host: string, address: string): FakeOwners['endpoints'][number] => ({
  id: `allocation:acme/shop/${name}`,
  kind: 'container',
  problems: [],
  epg: `acme/shop/${service}`,
  mac: '02:48:0a:20:00:07',
  addresses: [address],
  host,
  underlay: '192.0.2.1',
  service,
  healthy: true,
  attachment: { driver: 'ovs', port: name },
  allocation: `acme/shop/${name}`,
  since: '2026-11-24T00:00:00Z',
});

describe('streams and probes', () => {
  let gateway: TestGateway;
  let owners: FakeOwners;
  let api: ApiClient;
  let agents: MemoryBus[];

  beforeEach(async () => {
    ({ gateway, owners } = await startWithOwners());
    api = gateway.api();
    agents = ['h1', 'h2'].map((host) => new MemoryBus({ hub: gateway.hub, name: 'agent', host }));
    owners.allocations = [allocation('web-1', 'web', 'h1'), allocation('api-1', 'api', 'h2')];
    owners.endpoints = [endpoint('web-1', 'web', 'h1', '10.32.0.7'), endpoint('api-1', 'api', 'h2', '10.32.0.8')];
  });
  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    await owners.close();
    await gateway.stop();
  });

  /** Opens a stream over HTTP and collects its text. */
  const open = (path: string, headers: http.OutgoingHttpHeaders = {}) => {
    const seen = { text: '', status: 0, type: '', closed: false };
    const request = http.get(
      `${gateway.url}${path}`,
      { headers: { authorization: `Bearer ${gateway.token}`, ...headers } },
      (response) => {
        seen.status = response.statusCode as number;
        seen.type = String(response.headers['content-type']);
        response.setEncoding('utf8').on('data', (chunk: string) => (seen.text += chunk));
        response.once('close', () => (seen.closed = true));
      },
    );
    request.once('error', () => (seen.closed = true));
    return { seen, leave: () => request.destroy() };
  };
  const factsIn = (text: string): EventFact[] =>
    [...text.matchAll(/^event: fact\ndata: (.*)$/gm)].map(([, json]) => JSON.parse(json as string) as EventFact);

  describe('events', () => {
    it('are kept with what happened, to which object, by whom', async () => {
      const { body: applied } = await api.apply(SHOP);
      const events = await waitFor(async () => {
        const { body } = await api.get('/api/v1/events?kind=service&tenant=acme&name=shop/web').expect(200);
        return body.items.length > 0 && body.items;
      }, WITHIN);
      expect(events).toEqual([
        {
          at: expect.any(String),
          kind: 'Service',
          tenant: 'acme',
          name: 'shop/web',
          what: 'created',
          message: 'created by admin (apply)',
          by: 'admin',
          position: applied.position,
        },
      ]);
    });

    it('are streamed as they happen, and a broken stream goes on where it ended', async () => {
      const first = open('/api/v1/events/stream?tenant=acme&kind=App');
      await waitFor(() => first.seen.status === 200, WITHIN);
      expect(first.seen.type).toContain('text/event-stream');
      await api.apply(SHOP).expect(200);
      await waitFor(() => factsIn(first.seen.text).length === 1, WITHIN);
      first.leave();
      await api.post('/api/v1/services/acme/shop/web/scale', { replicas: 5 }).expect(200);
      const [, id] = /^id: (\d+)$/m.exec(first.seen.text) as RegExpExecArray;
      const second = open('/api/v1/events/stream?tenant=acme&kind=App', { 'last-event-id': id });
      await waitFor(() => factsIn(second.seen.text).length === 1, WITHIN);
      expect([...factsIn(first.seen.text), ...factsIn(second.seen.text)].map((f) => f.what)).toEqual([
        'created',
        'updated',
      ]);
      second.leave();
    });

    it('streams end when the gateway stops', async () => {
      const stream = open('/api/v1/events/stream');
      await waitFor(() => stream.seen.status === 200, WITHIN);
      await gateway.stop();
      await waitFor(() => stream.seen.closed, WITHIN);
    });
  });

  describe('logs', () => {
    let request: BusRequest | undefined;

    const serveLogs = (lines: (request: BusRequest) => AsyncIterable<unknown>): void => {
      agents[0]?.serveStream(subjects.agent('h1', 'logs'), {}, (r) => {
        request = r;
        return lines(r);
      });
    };

    it('of a container come from its host, line by line', async () => {
      serveLogs(async function* () {
        yield { stream: 'stdout', line: 'one' };
        yield { stream: 'stderr', line: 'two' };
      });
      const { text, headers } = await api.get('/api/v1/allocations/acme/shop/web-1/logs?tail=10').buffer(true).parse((response, done) => {
        let all = '';
        response.on('data', (chunk: Buffer) => (all += chunk.toString()));
        response.on('end', () => done(null, all));
      }).then((answer) => ({ text: answer.body as string, headers: answer.headers })); // prettier-ignore
      expect(text).toBe('{"stream":"stdout","line":"one"}\n{"stream":"stderr","line":"two"}\n');
      expect(headers['content-type']).toContain('application/x-ndjson');
      expect(request?.body).toEqual({ allocation: 'acme/shop/web-1', follow: false, tail: 10 });
    });

    it('that are followed end at the host when the reader leaves', async () => {
      serveLogs(async function* ({ signal }) {
        yield { stream: 'stdout', line: 'one' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
      const stream = open('/api/v1/allocations/acme/shop/web-1/logs?follow=true');
      await waitFor(() => stream.seen.text.includes('one'), WITHIN);
      stream.leave();
      await waitFor(() => request?.signal.aborted, WITHIN);
    });

    it('that cannot be read are an error, before or after the first line', async () => {
      await api.get('/api/v1/allocations/acme/shop/none/logs').expect(404);
      await api.get('/api/v1/allocations/acme/shop/web-1/logs?tail=x').expect(422);
      await api.get('/api/v1/allocations/acme/shop/api-1/logs').expect(503);
      serveLogs(async function* () {
        yield { stream: 'stdout', line: 'one' };
        throw new HeddleError('unavailable', 'the engine has gone');
      });
      const stream = open('/api/v1/allocations/acme/shop/web-1/logs');
      await waitFor(() => stream.seen.closed, WITHIN);
      expect(
        stream.seen.text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([
        { stream: 'stdout', line: 'one' },
        { error: { code: 'unavailable', message: 'the engine has gone', retryable: true } },
      ]);
    });
  });

  describe('probes', () => {
    const observe = (host: number, outcome: (target: ProbeTarget) => ProbeObservation['outcome']): void => {
      agents[host]?.serve(subjects.agent(`h${host + 1}`, 'probe'), {}, ({ body }) =>
        (body as { targets: ProbeTarget[] }).targets.map((t) => ({ ...t, outcome: outcome(t), milliseconds: 1 })),
      );
    };

    it('try every pair in both directions and compare with the policy', async () => {
      owners.verdict = ({ source, destinationPort }) =>
        source === 'acme/shop/web' && destinationPort === 8080
          ? { action: 'permit', reason: 'contract', rule: { origin: 'acme/shop--web--api--http' } as never }
          : { action: 'deny', reason: 'no contract' };
      observe(0, () => 'open');
      observe(1, () => 'open');
      const { body } = await api.post('/api/v1/probe', { tenant: 'acme', application: 'shop' }).expect(200);
      expect([body.mismatches, body.missing]).toEqual([1, []]);
      expect(body.results).toEqual([
        {
          source: { allocation: 'acme/shop/web-1', epg: 'acme/shop/web', host: 'h1', address: '10.32.0.7' },
          destination: { allocation: 'acme/shop/api-1', epg: 'acme/shop/api', host: 'h2', address: '10.32.0.8' },
          protocol: 'tcp',
          port: 8080,
          expected: 'open',
          observed: 'open',
          milliseconds: 1,
          rule: 'acme/shop--web--api--http',
        },
        expect.objectContaining({ expected: 'closed', observed: 'open' }),
      ]);
    });

    it('count a container whose agent does not answer as a mismatch', async () => {
      observe(0, () => 'closed');
      const { body } = await api
        .post('/api/v1/probe', { tenant: 'acme', application: 'shop', timeoutMs: 100 })
        .expect(200);
      expect(body.mismatches).toBe(1);
      expect(body.results[1]).toMatchObject({ observed: 'error', detail: expect.stringContaining('nobody answers') });
    });

    it('refuse what there is not', async () => {
      await api.post('/api/v1/probe', { tenant: 'acme', application: 'blog' }).expect(404);
      await api.post('/api/v1/probe', { tenant: 'acme' }).expect(422);
      owners.allocations = [];
      await api.apply(SHOP);
      const { body } = await api.post('/api/v1/probe', { tenant: 'acme', application: 'shop' }).expect(200);
      expect(body).toMatchObject({ results: [], mismatches: 0 });
    });

    it('name what could not be probed, and why', async () => {
      await api.apply(SHOP).expect(200);
      observe(0, () => 'closed');
      observe(1, () => 'closed');
      const starting = allocation('web-2', 'web', 'h2');
      owners.allocations.push(
        { ...starting, status: { phase: 'backoff', reason: 'the image is not there' } },
        allocation('web-3', 'web', 'h1'),
        allocation('api-2', 'api', 'h1'),
        { ...allocation('api-0', 'api', 'h1'), spec: { ...starting.spec, service: 'api', desired: 'stop' } },
      );
      owners.endpoints.push({ ...endpoint('web-3', 'web', 'h1', ''), addresses: [] });
      const ask = async () =>
        (await api.post('/api/v1/probe', { tenant: 'acme', application: 'shop' }).expect(200)).body;
      const web = { service: 'acme/shop/web', instances: 1 };
      const named = [
        { ...web, allocation: 'acme/shop/web-2', host: 'h2', reason: 'it has no endpoint: backoff, the image is not there' },
        { ...web, allocation: 'acme/shop/web-3', host: 'h1', reason: 'its endpoint has no address: its host has not said how it is' },
        { service: 'acme/shop/api', instances: 1, allocation: 'acme/shop/api-2', host: 'h1', reason: 'it has no endpoint: its host has not said how it is' },
      ]; // prettier-ignore
      const body = await ask();
      expect(body).toEqual({ results: [expect.anything(), expect.anything()], mismatches: 0, missing: named });

      await api.post('/api/v1/services/acme/shop/web/scale', { replicas: 5 }).expect(200);
      const waiting = { service: 'acme/shop/web', instances: 2 };
      expect((await ask()).missing).toEqual([...named, { ...waiting, reason: 'not placed yet' }]);
      owners.services = [
        { service: 'acme/shop/web', replicas: 5, running: 1, healthy: 1, current: 1, settled: false, reasons: ['h1 is full'] },
      ]; // prettier-ignore
      expect((await ask()).missing).toEqual([...named, { ...waiting, reason: 'not placed: h1 is full' }]);
    });
  });
});
