import { HeddleError } from '@heddle/model';
import { FakeApi } from '../testing/fake-api';
import { FakeLabs } from '../testing/fake-labs';
import { bench, type Bench } from '../testing/run';

const CONTEXTS = '/home/user/.config/heddle/contexts.json';
let api: FakeApi;
let labs: FakeLabs;
let place: Bench;

beforeEach(async () => {
  api = await new FakeApi().start();
  place = bench(undefined, { open: (options) => labs.open(options), names: () => labs.names() });
  labs = new FakeLabs(api, place.files);
});
afterEach(() => api.stop());

const run = (...words: string[]) => place.run(['lab', ...words]);

describe('lab up', () => {
  it('makes hosts with credentials and images, waits until they are ready, and puts the lab in use', async () => {
    const { code, out, err } = await run('up', '--name', 'blue', '--hosts', '2');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'lab blue is up with h1, h2',
      `  API   ${api.url}/api/v1   (described at ${api.url}/api/docs)`,
      '  CLI   the context "blue" is in use: try "heddle status"',
      '  stop  heddle lab down --name blue',
      '',
    ]);
    expect(err).toContain('ctl   start server 700 ms\n');
    expect(err).toContain('2 of 2 hosts are ready\n');
    expect(labs.seeds).toEqual(['SU-h1', 'SU-h2']);
    expect(labs.images).toEqual(['blue/h1', 'blue/h2']);
    expect(JSON.parse((await place.files.readText(CONTEXTS)) ?? '')).toEqual({
      current: 'blue',
      contexts: { blue: { api: api.url, tokenFile: '/labs/blue/token' } },
    });
    expect((await place.run(['get', 'hosts', '-o', 'name'])).out).toBe('Host/h1\nHost/h2\n');
  });

  it('waits for the agent of the leaf too, where it has one', async () => {
    labs.leafAgent = true;
    const { code, err } = await run('up', '--hosts', '1');
    expect([code, labs.seeds, labs.images]).toEqual([0, ['SU-leaf', 'SU-h1'], ['demo/h1']]);
    expect(err).toContain('1 of 1 host is ready\n');
    labs.joinAs = 'suspect';
    labs.made.clear();
    expect((await run('up', '--hosts', '0', '--timeout', '5s')).err).toContain(
      'the lab to be ready: leaf leaf is suspect: no heartbeat for 6 s after 5000 ms',
    );
  });

  it('waits until the control plane says where its token is', async () => {
    labs.silentFor = 3;
    expect((await run('up', '--hosts', '0')).code).toBe(0);
    expect((await place.run(['status'])).code).toBe(0);
  });

  it('asks for credentials until the control plane can answer', async () => {
    let asked = 0;
    api.intercept = ({ path }) => {
      if (!path.endsWith('/credentials')) return undefined;
      asked++;
      return asked < 3
        ? { status: 503, body: { code: 'unavailable', message: 'starting', retryable: true } }
        : undefined;
    };
    expect((await run('up', '--hosts', '1')).code).toBe(0);
    expect(asked).toBe(3);
  });

  it('says which host is not ready, and why, when the time is over', async () => {
    labs.joinAs = 'suspect';
    const { code, err } = await run('up', '--hosts', '1', '--timeout', '5s');
    expect(code).toBe(1);
    expect(err).toContain(
      'error: gave up waiting for the lab to be ready: host h1 is suspect: no heartbeat for 6 s after 5000 ms',
    );
  });

  it('leaves nothing of a lab that it has made when the hosts are not ready, unless it is told to', async () => {
    labs.joinAs = 'suspect';
    const { err } = await run('up', '--hosts', '1', '--timeout', '5s');
    expect(err).toContain('the lab was ended again, --keep keeps it to look into it');
    expect([...labs.made.keys()]).toEqual([]);
    expect(await place.files.readText(CONTEXTS)).not.toContain('demo');
    expect((await run('up', '--hosts', '1', '--timeout', '5s', '--keep')).code).toBe(1);
    expect([...labs.made.keys()]).toEqual(['demo']);
    // One that was there before is somebody's, whatever becomes of its new hosts.
    expect((await run('up', '--hosts', '2', '--timeout', '5s')).code).toBe(1);
    expect([...labs.made.keys()]).toEqual(['demo']);
  });

  it('fails with 1, and with where the logs are, when a part does not start', async () => {
    labs.failure = new HeddleError('unavailable', 'server on ctl did not start: it ended with code 1');
    await place.files.makeFolder('/labs/demo/nodes');
    expect(await run('up')).toEqual({
      code: 1,
      out: '',
      err: 'error: server on ctl did not start: it ended with code 1; the logs of its processes are in /labs/demo/nodes/*/logs\n',
    });
  });

  it('says before it clears a dead lab that it does', async () => {
    await run('up', '--hosts', '1');
    labs.dead = 'h1: agent has ended';
    const { code, err } = await run('up', '--hosts', '1');
    expect(code).toBe(0);
    expect(err.split('\n')[0]).toBe(
      'lab demo is dead (h1: agent has ended): it is made anew, with nothing of its store, hosts, servers and applications',
    );
    expect((await run('up', '--hosts', '1')).err).not.toContain('dead');
  });

  it('takes a name that no lab can have for a wrong command line', async () => {
    for (const words of [
      ['up', '--name', 'A-1'],
      ['status', '--name', 'A-1'],
    ]) {
      expect(await run(...words)).toEqual({
        code: 2,
        out: '',
        err: 'error: a lab is named with 1 to 7 of a-z 0-9, not "A-1"\n',
      });
    }
  });

  it('says that it must be root', async () => {
    const { code, err } = await place.run(['lab', 'up'], { userId: 1000 });
    expect([code, err.includes('run it with sudo')]).toEqual([2, true]);
  });
});

describe('lab host', () => {
  it('adds a host to a lab that is up, and takes it away, from the control plane too', async () => {
    await run('up', '--hosts', '0');
    expect((await run('host', 'up', 'h7', '--lab', 'demo')).code).toBe(0);
    expect([labs.made.get('demo'), labs.images]).toEqual([['h7'], ['demo/h7']]);
    expect((await run('host', 'down', 'h7')).out).toBe('host h7 of lab demo is gone\n');
    expect([labs.made.get('demo'), api.objects.has('Host/h7')]).toEqual([[], false]);
    expect((await run('host', 'down', 'h7')).code).toBe(0);
  });

  it('wants a control plane first', async () => {
    const { code, err } = await run('host', 'up', 'h1', '--lab', 'demo');
    expect([code, err]).toEqual([
      2,
      'error: lab demo has no running control plane; first: heddle lab up --name demo --hosts 0\n',
    ]);
  });
});

describe('lab server', () => {
  it('puts a server on a port of the leaf, says how it is described to the control plane, and takes it away', async () => {
    await run('up', '--hosts', '0');
    const words = ['--address', '10.32.0.20/16', '--gateway', '10.32.0.1', '--vlan', '77'];
    expect((await run('server', 'up', 's1', ...words)).out.split('\n')).toEqual([
      'server s1 of lab demo is up',
      '  as the spec of an Endpoint:',
      '    endpointKind: baremetal',
      '    mac: "02:68:0a:20:00:14"',
      '    addresses: [10.32.0.20]',
      '    attachment: { driver: static, leaf: leaf, port: demo-s1_f, vlan: 77 }',
      '',
    ]);
    expect(labs.servers.get('s1')).toEqual({ name: 's1', address: '10.32.0.20/16', gateway: '10.32.0.1', vlan: 77 });
    expect((await run('status')).out).toMatch(/\ns1 +- +running *\n/);
    expect((await run('server', 'down', 's1')).out).toBe('server s1 of lab demo is gone\n');
    expect(labs.servers.size).toBe(0);
  });

  it('may be untagged, with a MAC address of its own', async () => {
    await run('up', '--hosts', '0');
    const { out } = await run('server', 'up', 's1', '--address', '10.32.0.20/16', '--mac', '02:00:00:00:00:01');
    expect(out).toContain('mac: "02:00:00:00:00:01"');
    expect(out).toContain('{ driver: static, leaf: leaf, port: demo-s1_f }');
  });

  it('wants a control plane, an address, and a VLAN that there can be', async () => {
    const up = ['server', 'up', 's1', '--address', '10.32.0.20/16'];
    const { code, err } = await run(...up);
    expect([code, err]).toEqual([
      2,
      'error: lab demo has no running control plane; first: heddle lab up --name demo --hosts 0\n',
    ]);
    await run('up', '--hosts', '0');
    expect((await run('server', 'up', 's1')).code).toBe(2);
    expect((await run(...up, '--vlan', '4095')).err).toContain('found VLAN "4095"; allowed is a whole number from 1');
    expect(labs.servers.size).toBe(0);
  });
});

describe('lab server', () => {
  const up = ['server', 'up', 's1', '--address', '10.32.0.20/16'];

  it('takes what the lab finds wrong for a wrong command line, of which no log says more', async () => {
    await run('up', '--hosts', '0');
    await place.files.makeFolder('/labs/demo/nodes');
    labs.failure = new HeddleError(
      'invalid',
      'the gateway of lab server s1 is "x"; allowed is an address in the subnet',
    );
    expect(await run(...up, '--gateway', 'x')).toEqual({
      code: 2,
      out: '',
      err: 'error: the gateway of lab server s1 is "x"; allowed is an address in the subnet\n',
    });
  });

  it('is of the lab whose context is in use, unless another is named', async () => {
    await run('up', '--name', 'demo', '--hosts', '0');
    await run('up', '--name', 'user', '--hosts', '0');
    expect((await run(...up)).out).toContain('server s1 of lab user is up');
    expect((await run('host', 'up', 'h7')).out).toContain('host h7 of lab user is ready');
    expect((await run(...up, '--lab', 'demo')).out).toContain('server s1 of lab demo is up');
    expect((await place.run(['--context', 'demo', 'lab', 'server', 'down', 's1'])).out).toContain(
      'of lab demo is gone',
    );
    await place.run(['context', 'use', 'demo']);
    expect((await run('host', 'down', 'h7')).out).toContain('host h7 of lab demo is gone');
  });

  it('asks which lab is meant where no context says it', async () => {
    await run('up', '--name', 'user', '--hosts', '0');
    const { code, err } = await place.run(['--context', 'far', 'lab', ...up]);
    expect([code, err]).toEqual([
      2,
      'error: the context in use, "far", is of no lab here; name the lab with --lab: there is user\n',
    ]);
  });

  it('says in its help which option it cannot do without', async () => {
    const { out } = await run('server', 'up', '--help');
    expect(out).toContain('Usage: heddle lab server up --address <address> [options] <NAME>');
    expect(out).toMatch(/--address <address> +required: its IPv4 address/);
  });
});

describe('lab down and status', () => {
  it('ends a lab and forgets its context', async () => {
    await run('up', '--hosts', '1');
    expect((await run('down')).out).toBe('lab demo is gone\n');
    expect(JSON.parse((await place.files.readText(CONTEXTS)) ?? '')).toEqual({ contexts: {} });
    expect((await run('down')).out).toBe('there was no lab demo\n');
  });

  it('ends all labs', async () => {
    await run('up', '--name', 'a', '--hosts', '0');
    await run('up', '--name', 'b', '--hosts', '0');
    expect((await run('down', '--all')).out).toBe('lab a is gone\nlab b is gone\n');
  });

  it('shows the parts of each lab, to people and to programs', async () => {
    await run('up', '--hosts', '1');
    expect((await run('status')).out.split('\n')).toEqual([
      'lab demo is running',
      `API ${api.url}/api/v1`,
      'NODE  ADDRESS  STATE    PARTS',
      'leaf  -        running  vswitchd',
      'ctl   -        running  server',
      'h1    -        running  agent',
      '',
    ]);
    const one = JSON.parse((await run('status', '--name', 'demo', '-o', 'json')).out) as { state: string };
    expect(one.state).toBe('running');
    expect(JSON.parse((await run('status', '-o', 'json')).out)).toEqual([one]);
  });
});
