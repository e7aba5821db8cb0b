import type { AttachmentDriver } from '../attach/attachment-driver';
import type { AttachedEndpoint } from '../link/protocol';
import { attachedEndpoint } from './parts';

const MTU = 1400;

/** A driver under test, with what the contract cannot do through the driver itself. */
export interface AttachmentDriverHarness {
  readonly driver: AttachmentDriver;
  /** Messages of what the driver told that it could not undo. */
  readonly problems: readonly string[];
  /** What endpoints of this driver have beside what all have. */
  readonly facts?: Partial<AttachedEndpoint>;
  /** Another instance of the driver on the same host, as after a restart. */
  restarted(): AttachmentDriver;
  /** Makes the next attach or detach fail with this message; an attach fails late, when there is something to undo. */
  failNext(method: 'attach' | 'detach', message: string): void;
  /** An interface by its name. */
  link(name: string): Promise<{ readonly mac?: string; readonly mtu: number } | undefined>;
  /** The endpoint's device goes, as with its container, and the driver is not told. */
  loseDevice(endpoint: AttachedEndpoint): Promise<void>;
  /** From now on the host is not seen whole. Returns what ends that. */
  hideHost(): Promise<() => Promise<void>>;
  /** Names of everything that is on the host and was not there when the harness was made. */
  added(): Promise<string[]>;
}

/**
 * What every attachment driver must do, so that code tested with the fake works with the real ones. `make` gives a driver on
 * a host where nothing is attached.
 */
export function attachmentDriverContract(name: string, make: () => Promise<AttachmentDriverHarness>): void {
  describe(`${name}, as an attachment driver`, () => {
    let harness: AttachmentDriverHarness;
    let driver: AttachmentDriver;
    const endpoint = (n: number, change: Partial<AttachedEndpoint> = {}): AttachedEndpoint => {
      const id = String(n).padStart(64, '0');
      const facts = { port: driver.portName(id), mac: `02:48:0a:20:00:0${n}`, linkIndex: n };
      return attachedEndpoint(id, `10.32.0.${n}`, { ...facts, ...harness.facts, ...change });
    };
    const attach = (one: AttachedEndpoint, mtu = MTU) => driver.attach(one, { mtu });
    const listed = async (): Promise<string[]> => (await driver.attached()).map((e) => e.endpointId).sort();

    beforeEach(async () => {
      harness = await make();
      driver = harness.driver;
    });
    afterEach(async () => {
      for (const one of await driver.attached()) await driver.detach(one);
    });

    it('names ports within what the kernel allows, one endpoint always alike and two differently', () => {
      const [one, other] = ['e'.repeat(64), `${'e'.repeat(63)}f`];
      expect(driver.portName(one)).toMatch(/^[A-Za-z0-9_.-]{1,15}$/);
      expect(harness.restarted().portName(one)).toBe(driver.portName(one));
      expect(driver.portName(other)).not.toBe(driver.portName(one));
    });

    it('makes an interface with the MAC and the MTU that were asked for', async () => {
      const one = endpoint(1);
      const { name } = await attach(one);
      expect(await harness.link(name)).toEqual({ mac: one.mac, mtu: MTU });
    });

    it('lists what is attached, with the facts of an endpoint and no others', async () => {
      const ours = endpoint(1, { allocation: 'acme/shop/web-1' });
      await attach({ ...ours, networkId: 'n', prefix: 16 } as AttachedEndpoint);
      await attach(endpoint(2));
      const found = await driver.attached();
      expect(found).toHaveLength(2);
      expect(found).toEqual(expect.arrayContaining([ours, endpoint(2)]));
    });

    it('attaches several at a time, each to its own', async () => {
      const made = await Promise.all([1, 2, 3].map((n) => attach(endpoint(n))));
      expect(new Set(made.map(({ name }) => name)).size).toBe(3);
      const numbers = made.flatMap(({ ofport }) => ofport ?? []);
      expect([0, 3]).toContain(numbers.length);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(await listed()).toEqual([1, 2, 3].map((n) => endpoint(n).endpointId));
    });

    it('attaches anew what is attached', async () => {
      const first = await attach(endpoint(1), 1300);
      const second = await attach(endpoint(1));
      expect(second.name).toBe(first.name);
      expect(await harness.link(second.name)).toMatchObject({ mtu: MTU });
      expect(await listed()).toEqual([endpoint(1).endpointId]);
      expect(await driver.isAlive(endpoint(1))).toBe(true);
    });

    it('knows what another instance attached, and can detach it', async () => {
      await attach(endpoint(1));
      const restarted = harness.restarted();
      expect(await restarted.attached()).toEqual([endpoint(1)]);
      expect(await restarted.isAlive(endpoint(1))).toBe(true);
      await restarted.detach(endpoint(1));
      expect(await harness.added()).toEqual([]);
    });

    it('detaches one and no other', async () => {
      const { name } = await attach(endpoint(1));
      await attach(endpoint(2));
      await driver.detach(endpoint(2));
      expect(await listed()).toEqual([endpoint(1).endpointId]);
      expect(await harness.link(name)).toBeDefined();
    });

    it('leaves nothing of what was detached, once or twice', async () => {
      await attach(endpoint(1));
      expect(await harness.added()).not.toEqual([]);
      await driver.detach(endpoint(1));
      expect(await harness.added()).toEqual([]);
      await driver.detach(endpoint(1));
      expect(await driver.attached()).toEqual([]);
    });

    it('leaves nothing when it cannot attach, and can be asked again', async () => {
      harness.failNext('attach', 'no room');
      await expect(attach(endpoint(1))).rejects.toThrow('no room');
      expect(await harness.added()).toEqual([]);
      expect(await driver.attached()).toEqual([]);
      expect(harness.problems).toEqual([]);
      await attach(endpoint(1));
      expect(await listed()).toEqual([endpoint(1).endpointId]);
    });

    it('throws why it could not attach, and tells why that could not be undone', async () => {
      harness.failNext('attach', 'first');
      harness.failNext('detach', 'second');
      await expect(attach(endpoint(1))).rejects.toThrow('first');
      expect(harness.problems).toEqual(['second']);
      await driver.detach(endpoint(1));
      expect(await harness.added()).toEqual([]);
    });

    it('says when it cannot detach, and can be asked again', async () => {
      await attach(endpoint(1));
      harness.failNext('detach', 'busy');
      await expect(driver.detach(endpoint(1))).rejects.toThrow('busy');
      await driver.detach(endpoint(1));
      expect(await harness.added()).toEqual([]);
    });

    it('undoes like it detaches, but tells of failures instead of throwing them', async () => {
      await attach(endpoint(1));
      harness.failNext('detach', 'busy');
      await driver.undo(endpoint(1));
      expect(harness.problems).toEqual(['busy']);
      await driver.undo(endpoint(1));
      await driver.undo(endpoint(1));
      expect(await harness.added()).toEqual([]);
      expect(harness.problems).toEqual(['busy']);
    });

    it('tells those that have a device from those whose device went or never was', async () => {
      const [alive, lost, never] = [endpoint(1), endpoint(2), endpoint(3)];
      await attach(alive);
      await attach(lost);
      expect(await driver.gone([alive, lost])).toEqual([]);
      await harness.loseDevice(lost);
      const gone = await driver.gone([alive, lost, never]);
      expect(gone).toEqual([lost, never]);
      // The very ones that were asked about: the caller knows more of them.
      expect(gone[0]).toBe(lost);
      expect(await Promise.all([alive, lost, never].map((e) => driver.isAlive(e)))).toEqual([true, false, false]);
    });

    it('says of none that it is gone while the host is not seen whole', async () => {
      const show = await harness.hideHost();
      try {
        expect(await driver.gone([endpoint(1)])).toEqual([]);
      } finally {
        await show();
      }
      expect(await driver.gone([endpoint(1)])).toEqual([endpoint(1)]);
    });

    it('detaches one whose device went', async () => {
      await attach(endpoint(1));
      await harness.loseDevice(endpoint(1));
      await driver.detach(endpoint(1));
      expect(await driver.attached()).toEqual([]);
      expect(await harness.added()).toEqual([]);
    });

    it('attaches one anew whose device went', async () => {
      await attach(endpoint(1));
      await harness.loseDevice(endpoint(1));
      const { name } = await attach(endpoint(1));
      expect(await harness.link(name)).toEqual({ mac: endpoint(1).mac, mtu: MTU });
      expect(await driver.gone([endpoint(1)])).toEqual([]);
      expect(await listed()).toEqual([endpoint(1).endpointId]);
    });
  });
}
