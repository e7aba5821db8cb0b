import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SystemCgroup, SystemIpCommand, SystemProcesses, vethAdd, waitFor, type Cgroup } from '@heddle/host';
import { TestOvs } from '@heddle/ovs';
import { Station } from '../net/station';
import { Wire } from '../net/wire';
import { describeMachines } from './kernel';
import { VirtualMachine } from './virtual-machine';

const BRIDGE = 'br0';
const PORT = 8080;
const PEER = '10.9.0.1';
const NOBODY = '10.9.0.99';
const TIMEOUT_MS = 2_000;
const ARP = 0x0806;

const bytesOf = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

describeMachines('a virtual machine on a tap', () => {
  const processes = new SystemProcesses();
  const ip = new SystemIpCommand(processes);
  let ovs: TestOvs;
  let folder: string;
  let cgroup: Cgroup;
  let machine: VirtualMachine;
  let peer: Station;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'machine-'));
    cgroup = await SystemCgroup.open(`/heddle-machine-test-${process.pid}`);
    await cgroup.create();
    ovs = await TestOvs.start();
    await ovs.vsctl('add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev');
    await ip.batch([['netns', 'add', peerNetns()]]);
    await ip.batch([vethAdd({ name: 'p', netns: ovs.netns, up: true }, { name: 'eth0', netns: peerNetns() })]);
    await ip.batch(
      [
        ['address', 'add', `${PEER}/24`, 'dev', 'eth0'],
        ['link', 'set', 'dev', 'eth0', 'up'],
      ],
      peerNetns(),
    );
    await ip.offloadsOff('eth0', ['tx'], peerNetns());
    await ovs.vsctl('add-port', BRIDGE, 'p');
    peer = await Station.in(`/run/netns/${peerNetns()}`);
    machine = await VirtualMachine.start(
      { netns: ovs.netns, folder, cgroup, bridge: { databaseSocket: ovs.dbSocket, name: BRIDGE } },
      {
        name: 'vm1',
        tap: 'vm1',
        mac: '52:54:00:00:00:09',
        address: '10.9.0.9/24',
        gateway: PEER,
        ports: [PORT],
        interfaceId: 'vm-1',
      },
    );
  }, 90_000);

  afterAll(async () => {
    await machine?.stop();
    await peer?.close();
    await ip.batch([['netns', 'del', peerNetns()]]);
    await ovs?.stop();
    await cgroup.remove();
    await rm(folder, { recursive: true });
  }, 30_000);

  const peerNetns = (): string => `${ovs.netns}-p`;

  it('has the kernel, address, MAC and route that it was given', async () => {
    const { output: kernel } = await machine.exec(['uname', '-r']);
    expect(kernel).toMatch(/^\d+\.\d+\..*-cloud-amd64\n$/);
    expect(kernel.trim()).not.toBe(os.release());
    expect((await machine.exec(['ip', 'address', 'show', 'eth0'])).output).toMatch(
      /mtu 1450[^]*52:54:00:00:00:09[^]*inet 10\.9\.0\.9\/24/,
    );
    expect((await machine.exec(['ip', 'route'])).output).toContain(`default via ${PEER} dev eth0`);
  });

  it('gives back code and output of a command, whatever is in its words', async () => {
    const words = ['plain', 'two words', 'it\'s $HOME "x" `id` \\n', 'a\nb', 'é', '', '*'];
    const { code, output } = await machine.exec(['sh', '-c', 'printf "%s|" "$@"; exit 7', 'sh', ...words]);
    expect({ code, output }).toEqual({ code: 7, output: `${words.join('|')}|` });
    const { output: large } = await machine.exec(['seq', '20000']);
    expect(large).toBe(Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  it('answers at its port, and is answered, with whole checksums', async () => {
    const hex = Buffer.from('GET / HTTP/1.0\r\n\r\n').toString('hex');
    const answer = await peer.ask({ protocol: 'tcp', to: machine.address, port: PORT, hex });
    expect(Buffer.from(answer, 'hex').toString()).toContain('200 OK');
    await peer.open({ id: 'server', type: 'tcp-server', port: PORT });
    expect(await machine.connect(PEER, PORT, TIMEOUT_MS)).toBe('open');
  });

  it('takes a refusal for open, and no answer for closed, several at a time', async () => {
    const started = performance.now();
    const tries = [PORT + 1, PORT + 2].map((port) => machine.connect(PEER, port, TIMEOUT_MS));
    const silent = [1, 2, 3, 4].map(() => machine.connect(NOBODY, PORT, TIMEOUT_MS));
    expect(await Promise.all([...tries, ...silent])).toEqual(['open', 'open', 'closed', 'closed', 'closed', 'closed']);
    expect(performance.now() - started).toBeLessThan(4 * TIMEOUT_MS);
  });

  it('tells the network where it is', async () => {
    const link = await ip.link('eth0', peerNetns());
    const wire = await Wire.open(`/run/netns/${peerNetns()}`, link?.ifindex ?? 0);
    try {
      await machine.announce();
      const claim = Buffer.concat([Buffer.from([1]), bytesOf(machine.mac), Buffer.from([10, 9, 0, 9])]);
      await waitFor(() => wire.received.some((frame) => frame.readUInt16BE(12) === ARP && frame.includes(claim)), {
        deadlineMs: 5_000,
        what: 'its gratuitous ARP to arrive',
      });
    } finally {
      await wire.close();
    }
  });

  it('says what its interface is called and which MAC it has, where a hypervisor does', async () => {
    const ids = await ovs.vsctl('get', 'Interface', 'vm1', 'external_ids');
    expect(ids.trim()).toBe('{attached-mac="52:54:00:00:00:09", iface-id=vm-1}');
  });

  it('that does not come up is an error with what its kernel said, and leaves nothing behind', async () => {
    const options = { name: 'vm2', tap: 'vm2', mac: '52:54:00:00:00:02', address: '10.9.0.2/99' };
    const start = VirtualMachine.start(machine.host, options);
    await expect(start).rejects.toThrow(
      /virtual machine vm2 did not boot: ended with code 0; its log:\nip: an inet prefix is expected/,
    );
    expect(await ip.link('vm2', ovs.netns)).toBeUndefined();
  });

  it('ends with its cgroup, and takes no commands any more', async () => {
    const { pid } = machine;
    const underWay = machine.exec(['sleep', '60'], 60_000);
    await Promise.all([cgroup.killAll(10_000), expect(underWay).rejects.toMatchObject({ code: 'unavailable' })]);
    expect(await processes.identify(pid)).toBeUndefined();
  });

  it('leaves nothing behind when it is stopped', async () => {
    await machine.stop();
    await expect(machine.exec(['true'])).rejects.toMatchObject({ code: 'state' });
    expect(await ip.link('vm1', ovs.netns)).toBeUndefined();
    expect((await ovs.vsctl('list-ports', BRIDGE)).trim()).toBe('p');
    expect(await readdir(folder)).toEqual([]);
  });
});
