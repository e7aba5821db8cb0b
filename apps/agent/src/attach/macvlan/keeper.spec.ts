import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedEndpoint, LinkConfiguration } from '../../link/protocol';
import { CONFIGURATION, MACVLAN } from '../../testing/attach';
import { ACCESS } from '../../testing/macvlan-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import type { MacvlanEndpoint } from './facts';
import { MacvlanKeeper, wantedMode } from './keeper';

const WEB = 'acme/shop/web';
const endpoint = (n: number, macvlan: Partial<MacvlanEndpoint['macvlan']> = {}): MacvlanEndpoint => ({
  ...attachedEndpoint(`e${n}`, `10.32.0.${n}`),
  macvlan: { ...ACCESS, ...macvlan },
});

describe('wantedMode', () => {
  it('is what the EPG asks for; of one that attaches otherwise now, that it passes the leaf', () => {
    const wanted = wantedMode({ ...CONFIGURATION, attachments: { [WEB]: MACVLAN } });
    expect([wanted(WEB), wanted('blue/shop/web'), wanted('acme/shop/unknown')]).toEqual(['bridge', 'vepa', undefined]);
  });

  it('is unknown while nothing is known of attachments', () => {
    expect(wantedMode(CONFIGURATION)(WEB)).toBeUndefined();
  });
});

describe('MacvlanKeeper', () => {
  function setUp() {
    const clock = new FakeClock();
    const said: string[] = [];
    const told: (readonly AttachedEndpoint[])[] = [];
    const errors: string[] = [];
    const state = {
      attached: [endpoint(1)] as MacvlanEndpoint[],
      shims: [] as MacvlanEndpoint[],
      configuration: { ...CONFIGURATION, attachments: { [WEB]: MACVLAN } } as LinkConfiguration,
      modes: [] as HeddleError[],
      shim: async (): Promise<HeddleError[]> => [],
      read: async (): Promise<MacvlanEndpoint[]> => state.attached,
    };
    const keeper = new MacvlanKeeper({
      driver: {
        applyModes: async (wanted) => {
          said.push(`modes ${wanted(WEB)}`);
          return [...state.modes];
        },
        attached: () => state.read(),
        inContainers: () => state.read(),
        shims: async () => state.shims,
        tidy: async () => void said.push('tidy'),
      },
      shims: { ensure: (attached) => (said.push(`shims ${attached.length}`), state.shim()) },
      keepNames: (attached) => void said.push(`names ${attached.length}`),
      tell: (endpoints) => void told.push(endpoints),
      configuration: () => state.configuration,
      onError: (error) => errors.push(error.message),
      clock,
    });
    const settle = async (): Promise<void> => {
      keeper.changed();
      await keeper.idle();
    };
    return { keeper, clock, said, told, errors, state, settle };
  }

  it('has everything be as it should be, and says what there is only when it is another', async () => {
    const { said, told, state, settle, keeper } = setUp();
    await settle();
    expect([...said].sort()).toEqual(['modes bridge', 'names 1', 'shims 1', 'tidy']);
    expect(told).toEqual([[endpoint(1)]]);
    await settle();
    expect(told).toHaveLength(1);
    state.attached = [];
    await settle();
    expect(told.at(-1)).toEqual([]);
    expect(said.filter((what) => what === 'tidy')).toHaveLength(1);
    await keeper.close();
  });

  it('tells of a shim with the others, as soon as there is one', async () => {
    const { told, state, settle, keeper } = setUp();
    const shim = endpoint(9, { shim: true });
    state.shim = async () => {
      state.shims = [shim];
      return [];
    };
    await settle();
    expect(told).toEqual([[endpoint(1)], [endpoint(1), shim]]);
    await keeper.close();
  });

  it('lets names wait for nothing, and what changed meanwhile for its turn', async () => {
    const { said, state, keeper } = setUp();
    let release: () => void = () => undefined;
    state.shim = () => new Promise((resolve) => (release = () => resolve([])));
    keeper.changed();
    while (!said.includes('shims 1')) await new Promise((resolve) => setImmediate(resolve));
    state.attached = [endpoint(1), endpoint(2)];
    keeper.changed();
    while (!said.includes('names 2')) await new Promise((resolve) => setImmediate(resolve));
    expect(said).not.toContain('shims 2');
    state.shim = async () => [];
    release();
    await keeper.idle();
    expect(said).toContain('shims 2');
    await keeper.close();
  });

  it('applies modes at once, whatever else is under way, and leaves telling of failures to the next look', async () => {
    const { keeper, state, said, errors, settle } = setUp();
    let release: () => void = () => undefined;
    state.shim = () => new Promise((resolve) => (release = () => resolve([])));
    keeper.changed();
    while (!said.includes('shims 1')) await new Promise((resolve) => setImmediate(resolve));
    state.configuration = { ...CONFIGURATION, attachments: { [WEB]: { ...MACVLAN, mode: 'vepa' } } };
    await keeper.applyModes();
    expect(said).toContain('modes vepa');
    state.shim = async () => [];
    release();
    state.modes = [new HeddleError('state', 'not that one')];
    await settle();
    expect(errors).toEqual(['not that one']);
    await keeper.close();
  });

  it('tries again after a failure, tells of it once, and looks again by itself', async () => {
    const { keeper, clock, state, said, errors, settle } = setUp();
    state.shim = async () => [new HeddleError('limit', 'no address')];
    await settle();
    const count = (): number => said.filter((what) => what.startsWith('shims')).length;
    await clock.advance(2_000);
    await keeper.idle();
    expect([count(), errors]).toEqual([2, ['no address']]);
    state.shim = async () => [];
    await clock.advance(2_000);
    await keeper.idle();
    await clock.advance(59_000);
    expect(count()).toBe(3);
    state.read = async () => Promise.reject(new HeddleError('state', 'x.json'));
    await clock.advance(1_000);
    await keeper.idle();
    // By each of the two that had to read it.
    expect(errors).toEqual(['no address', 'x.json', 'x.json']);
    await keeper.close();
    expect(clock.pendingTimers).toBe(0);
    const before = said.length;
    keeper.changed();
    await keeper.idle();
    expect(said).toHaveLength(before);
  });
});
