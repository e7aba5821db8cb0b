import { parse } from 'yaml';
import { InterruptedError } from '../interrupt';
import { allocation, endpoint, fabric, host, SHOP, wired } from '../testing/cluster';
import { FakeTerminal } from '../testing/fake-terminal';
import { withApi } from '../testing/with-api';

const { api, run } = withApi();

beforeEach(() => {
  api().load(SHOP);
  api().set(host('h1', 'ready'), host('h2', 'lost', { problems: ['the engine does not answer'] }));
  api().set(allocation('acme/shop/web', '1', 'h1'), allocation('acme/shop/web', '2', 'h2'));
});

describe('get', () => {
  it('prints a table', async () => {
    const { out } = await run(['get', 'hosts']);
    expect(out.split('\n')).toEqual([
      'NAME  STATE  SINCE  ROLE  UNDERLAY    CPU  MEMORY  CONTAINERS',
      'h1    ready  3m     host  192.0.2.11  2    4Gi     2',
      'h2    lost   3m     host  192.0.2.11  2    4Gi     2',
      '',
    ]);
  });

  it('prints more with -o wide', async () => {
    const { out } = await run(['get', 'hosts', '-o', 'wide']);
    expect(out).toMatch(/^h2 .* the engine does not answer /m);
  });

  it('paints on a terminal only, and not with NO_COLOR', async () => {
    const onTerminal = (env: NodeJS.ProcessEnv) =>
      run(['get', 'hosts'], {
        terminal: new FakeTerminal({ tty: true }),
        env: { HEDDLE_API: api().url, HEDDLE_TOKEN: api().token, ...env },
      });
    expect((await onTerminal({})).out).toContain('\x1b[31mlost \x1b[39m');
    expect((await onTerminal({ NO_COLOR: '1' })).out).not.toContain('\x1b[');
    expect(
      (
        await run(['get', 'hosts'], {
          env: { HEDDLE_API: api().url, HEDDLE_TOKEN: api().token, CI: '1', FORCE_COLOR: '1' },
        })
      ).out,
    ).not.toContain('\x1b[');
  });

  it('prints exactly what the API answered with -o json and -o yaml', async () => {
    const one = await run(['get', 'service', 'web', '-o', 'json']);
    expect(JSON.parse(one.out)).toEqual(JSON.parse(JSON.stringify(api().objects.get('Service/acme/shop/web'))));
    const list = await run(['get', 'services', '-o', 'yaml']);
    expect(parse(list.out)).toMatchObject({
      kind: 'ServiceList',
      position: 0,
      items: [{ metadata: { name: 'api' } }, { metadata: { name: 'web' } }],
    });
  });

  it('prints names that other commands take', async () => {
    const { out } = await run(['get', 'allocations', '-o', 'name']);
    expect(out).toBe('Allocation/acme/shop/web-1\nAllocation/acme/shop/web-2\n');
    expect((await run(['get', 'Allocation/acme/shop/web-1'])).code).toBe(0);
  });

  it('fetches all pages of a list', async () => {
    api().pageSize = 1;
    const { out } = await run(['get', 'epgs', '-o', 'name']);
    expect(out).toBe('Epg/acme/shop/api\nEpg/acme/shop/web\n');
  });

  it('limits to a tenant and to labels, unless all are wanted', async () => {
    await run(['get', 'services', '--tenant', 'acme', '-l', 'tier=web']);
    await run(['get', 'services', '--tenant', 'acme', '-A']);
    await run(['get', 'hosts', '--tenant', 'acme']);
    expect(api().requests.map(({ query }) => [query['tenant'], query['selector']])).toEqual([
      ['acme', 'tier=web'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('lists every kind that has objects', async () => {
    const { out } = await run(['get', 'all', '-o', 'name']);
    expect(out.split('\n').slice(0, 4)).toEqual(['Tenant/acme', 'Host/h1', 'Host/h2', 'Vrf/acme/default']);
  });

  it('shows each change once with -w, until it is stopped', async () => {
    const stop = new AbortController();
    let looks = 0;
    api().intercept = ({ path }) => {
      if (path !== '/hosts') return undefined;
      looks++;
      if (looks === 3) api().set(host('h2', 'ready'));
      if (looks === 4) api().objects.delete('Host/h1');
      if (looks === 6) stop.abort(new InterruptedError('SIGINT'));
      return undefined;
    };
    const { code, out } = await run(['get', 'hosts', '-w'], { signal: stop.signal });
    expect(code).toBe(130);
    expect(out.split('\n').map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      'NAME STATE',
      'h1 ready',
      'h2 lost',
      'h2 ready',
      'Host/h1 is',
      '',
    ]);
  });

  describe('of endpoints', () => {
    const count = (bytes: number) => ({ packets: 1, bytes });
    const here = (more: object) => ({ epg: 'acme/shop/web', since: '2025-12-31T23:57:00Z', ...more });
    beforeEach(() =>
      api().set(
        endpoint('acme/shop/web-1', 'container', '10.32.0.7', here({
          host: 'h1',
          attachment: { driver: 'ovs', port: 'hd7' },
          allocation: 'acme/shop/web-1',
          traffic: { sent: count(2048), received: count(3 * 1024 ** 2) },
        })),
        endpoint('acme/shop/web-2', 'container', '10.32.0.8', here({
          host: 'h2',
          attachment: { driver: 'macvlan', port: 'hd8', uplink: 'eth1', mode: 'vepa', vlan: 105 },
        })),
        endpoint('acme/shop/vm1', 'vm', '10.32.9.1', { epg: 'acme/shop/web', problems: ['no host has a port with its interface id'] }),
        endpoint('acme/shop/db1', 'baremetal', '10.32.9.2', here({
          host: 'leaf1',
          attachment: { driver: 'static', leaf: 'leaf1', port: 'e5', vlan: 20 },
        })),
        endpoint('acme/shop/lost', 'vm', '10.32.9.3', { unknown: 'nobody answers' }),
      ),
    ); // prettier-ignore

    it('shows every kind: where, since when, of which EPG, and what it sent and received', async () => {
      const { out } = await run(['get', 'endpoints']);
      expect(out.split('\n')).toEqual([
        'NAME             KIND       EPG            ADDRESS    WHERE             SINCE  TRAFFIC',
        'acme/shop/db1    baremetal  acme/shop/web  10.32.9.2  leaf1 e5 vlan 20  3m     -',
        'acme/shop/lost   vm         -              10.32.9.3  -                 -      -',
        'acme/shop/vm1    vm         acme/shop/web  10.32.9.1  nowhere           -      -',
        'acme/shop/web-1  container  acme/shop/web  10.32.0.7  h1 hd7            3m     ↑2Ki ↓3Mi',
        'acme/shop/web-2  container  acme/shop/web  10.32.0.8  h2 eth1 vlan 105  3m     -',
        '',
      ]);
    });

    it('shows by what they are attached and what is wrong with -o wide', async () => {
      const { out } = await run(['get', 'endpoints', '-o', 'wide']);
      expect(out).toMatch(/^NAME .* MAC +ATTACHED +PROBLEMS /m);
      expect(out).toMatch(/^acme\/shop\/web-2 .* macvlan vepa /m);
      expect(out).toMatch(/^acme\/shop\/vm1 .* no host has a port with its interface id /m);
    });

    it('describes one with its EPG, where it is, what it is of, and what happened to it', async () => {
      const at = '2025-12-31T23:58:00.000Z';
      api().emit({
        at,
        kind: 'Endpoint',
        tenant: 'acme',
        name: 'shop/web-1',
        what: 'duplicate',
        message: 'of another',
      });
      const lines = (await run(['describe', 'endpoint', 'web-1'])).out.split('\n');
      for (const line of [
        '  EPG      Epg/acme/shop/web',
        '  on host  Host/h1',
        '  of       Allocation/acme/shop/web-1  h1, running',
        '  2m  Endpoint/acme/shop/web-1  duplicate  of another',
      ]) {
        expect(lines).toContain(line);
      }
      expect(api().requests.find(({ path }) => path === '/events')?.query['name']).toBe('shop/web-1');
      const epg = (await run(['describe', 'epg', 'web'])).out;
      expect(epg).toMatch(/endpoint +Endpoint\/acme\/shop\/vm1 +10\.32\.9\.1, nowhere$/m);
      expect((await run(['describe', 'host', 'h1'])).out).toContain('Endpoint/acme/shop/web-1');
    });
  });

  it('shows how VLANs are used', async () => {
    api().set(wired('lan'), fabric('main'));
    expect((await run(['get', 'domains'])).out.split('\n').slice(0, 2)).toEqual([
      'NAME  DRIVER   ENCAPSULATION  FABRIC  VLANS    USED',
      'lan   macvlan  vlan, trunk    main    100-102  1 used, 1 resting, 1 free',
    ]);
    expect((await run(['get', 'fabrics'])).out.split('\n').slice(0, 2)).toEqual([
      'NAME  DRIVER    DOMAINS  LEAVES  VLANS',
      'main  ovs-leaf  lan      leaf1   1 used, 2 free',
    ]);
  });

  it('says when there is nothing, on standard error', async () => {
    expect(await run(['get', 'endpoints'])).toEqual({ code: 0, out: '', err: 'there are no endpoints\n' });
  });

  it('refuses what it does not know before it asks', async () => {
    for (const words of [
      ['pods'],
      ['hosts', '-o', 'xml'],
      ['services', '-l', '=x'],
      ['all', 'web'],
      ['hosts', '-w', '-o', 'json'],
    ]) {
      const { code, err } = await run(['get', ...words]);
      expect([words, code, err.startsWith('error: ')]).toEqual([words, words.includes('-l') ? 1 : 2, true]);
    }
    expect(api().requests).toEqual([]);
  });
});

describe('describe', () => {
  it('shows spec, status, relations and events', async () => {
    const at = '2025-12-31T23:58:00.000Z';
    api().emit({ at, kind: 'Allocation', tenant: 'acme', name: 'shop/web-1', what: 'started', message: 'on h1' });
    const { code, out } = await run(['describe', 'allocation', 'web-1']);
    expect(code).toBe(0);
    for (const line of [
      'Allocation acme/shop/web-1',
      '  service: web',
      '  phase: running',
      '  instance of  Service/acme/shop/web',
      '  runs on      Host/h1',
      '  2m  Allocation/acme/shop/web-1  started  on h1',
    ]) {
      expect(out.split('\n')).toContain(line);
    }
    const asked = api().requests.find(({ path }) => path === '/events');
    expect(asked?.query).toEqual({ kind: 'Allocation', tenant: 'acme', name: 'shop/web-1', limit: '20' });
  });

  it('shows the rules of a contract with the cookies of their flows', async () => {
    const rule = {
      id: 'abcdef012345',
      cookie: '0x4845abcdef012345',
      origin: 'acme/shop--web--api--http',
      vrf: 'acme/default',
      source: 'acme/shop/web',
      destination: 'acme/shop/api',
      traffic: 'tcp 8080',
      action: 'permit' as const,
      priority: 7,
    };
    api().rules = [rule, { ...rule, origin: 'acme/other', cookie: '0x48450' }];
    const rules = async () => {
      const { code, out } = await run(['describe', 'contract', 'acme/shop--web--api--http']);
      expect(code).toBe(0);
      const lines = out.split('\n');
      return lines.slice(lines.indexOf('Rules'), lines.indexOf('Events'));
    };
    expect(await rules()).toEqual(['Rules', '  0x4845abcdef012345  permit  acme/shop/web -> acme/shop/api  tcp 8080']);
    // Everything else is told without the policy service, too.
    const away = { code: 'unavailable', message: 'nobody holds the lease', retryable: true };
    api().intercept = ({ path }) => (path === '/rules' ? { status: 503, body: away } : undefined);
    expect(await rules()).toEqual(['Rules', '  (unknown: nobody holds the lease)']);
  });

  it('shows whose the VLANs of a Domain are, and which hosts offer it', async () => {
    const offering = (name: string) => host(name, 'ready', { domains: ['default', 'lan'] });
    api().set(wired('lan'), fabric('main'), offering('h1'), host('h2', 'ready'), host('leaf1', 'ready'));
    const { out } = await run(['describe', 'domain', 'lan']);
    const lines = out.split('\n');
    const at = lines.indexOf('VLANs');
    expect(lines.slice(at, at + 3)).toEqual([
      'VLANs',
      '  100  acme/shop/web',
      '  101  acme/shop/old  resting until h1, h2 let go of it',
    ]);
    expect(out).not.toContain('given');
    const refused = lines.indexOf('Not offered by');
    expect(lines[refused + 1]).toBe('  h3  has no uplink "fabric"; it has none');
    expect(out).not.toContain('refused');
    expect(lines).toContain('  fabric      Fabric/main');
    expect(lines).toContain('  offered by  Host/h1      ready');
    expect(out).not.toContain('Host/h2');
    const whole = (await run(['describe', 'fabric', 'main'])).out.split('\n');
    expect(whole).toContain('  used by  Domain/lan');
    expect(whole).toContain('  leaf     Host/leaf1  ready');
  });

  it('shows what the switch of a host dropped, the most first', async () => {
    const lines = async (drops?: Record<string, number>) => {
      api().set(host('h1', 'ready', drops && { drops }));
      const { code, out } = await run(['describe', 'host', 'h1']);
      expect(code).toBe(0);
      return out.split('\n');
    };
    const some = await lines({ 'not-ip': 3, 'spoofed-source': 0, 'no-contract': 1204 });
    const at = some.indexOf('Dropped packets');
    expect(some.slice(at, at + 4)).toEqual(['Dropped packets', '  no-contract  1204', '  not-ip       3', 'Relations']);
    // Once is enough.
    expect(some.join('\n')).not.toContain('drops');
    const none = await lines({ 'no-contract': 0 });
    expect(none[none.indexOf('Dropped packets') + 1]).toBe('  (none)');
    expect(await lines()).not.toContain('Dropped packets');
  });
});

describe('describe for programs', () => {
  it.each([
    ['json', (text: string) => JSON.parse(text) as unknown],
    ['yaml', (text: string) => parse(text) as unknown],
  ])('prints object, relations and events as %s', async (format, read) => {
    const at = '2025-12-31T23:58:00.000Z';
    const fact = { at, kind: 'Allocation', tenant: 'acme', name: 'shop/web-1', what: 'started', message: 'on h1' };
    api().emit(fact);
    const { code, out } = await run(['describe', 'allocation', 'web-1', '-o', format]);
    expect(code).toBe(0);
    expect(read(out)).toEqual({
      object: JSON.parse(JSON.stringify(api().objects.get('Allocation/acme/shop/web-1'))) as unknown,
      relations: expect.arrayContaining([
        { relation: 'instance of', key: 'Service/acme/shop/web' },
        { relation: 'runs on', key: 'Host/h1' },
      ]),
      events: [fact],
    });
  });

  it('refuses a format that it does not have before it asks', async () => {
    expect((await run(['describe', 'host', 'h1', '-o', 'wide'])).code).toBe(2);
    expect(api().requests).toEqual([]);
  });
});

describe('status and history', () => {
  it('shows the cluster, and ends with 1 when its store is not in order', async () => {
    const view = { ...host('h1', 'ready').status, name: 'h1', policyPosition: 7, workloadPosition: 7 };
    api().status = { hosts: [view as never], services: { policy: { position: 7, rules: 12 } } };
    const good = await run(['status']);
    expect(good.code).toBe(0);
    expect(good.out).toContain('policy   position 7, rules 12\n');
    expect(good.out).toMatch(/^h1 +ready +3m +2 +2 +80 +7 +7$/m);
    api().status = { store: { state: 'older', explain: 'position 3 is below 7' } };
    const bad = await run(['status']);
    const away = { policy: { unavailable: 'no answer within 1500 ms' } };
    api().status = { services: away };
    expect((await run(['status'])).code).toBe(1);
    expect([bad.code, bad.out.includes('store    older: position 3 is below 7')]).toEqual([1, true]);
  });

  it('lists changes, newest first', async () => {
    await run(['scale', 'web', '4', '--no-wait']);
    await run(['restart', 'web', '--no-wait']);
    const { out } = await run(['history', '-n', '5', '--object', 'service/acme/shop/web']);
    expect(out.split('\n')).toEqual([
      'POSITION  AGE  BY     VERB     OBJECTS  SUMMARY',
      expect.stringMatching(/^2 +0s +admin +restart +1 +restart$/),
      expect.stringMatching(/^1 +0s +admin +scale +1 +scale$/),
      '',
    ]);
    expect(api().requests.at(-1)?.query).toEqual({ limit: '5', key: 'Service/acme/shop/web' });
  });
});
