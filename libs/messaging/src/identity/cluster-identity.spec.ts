import { MemoryStore } from '../testing/memory-store';
import { checkStore, IdentityRecord } from './cluster-identity';

const seen = { clusterUid: 'c', incarnation: 2, position: 50 };

describe('checkStore', () => {
  it.each([
    ['a first start', undefined, { identity: undefined, position: 0 }, 'ok'],
    ['the store as it was', seen, { identity: { clusterUid: 'c', incarnation: 2 }, position: 50 }, 'ok'],
    ['a store that went on', seen, { identity: { clusterUid: 'c', incarnation: 2 }, position: 60 }, 'ok'],
    ['an empty store', seen, { identity: undefined, position: 0 }, 'empty'],
    ['another cluster', seen, { identity: { clusterUid: 'x', incarnation: 9 }, position: 99 }, 'foreign'],
    ['an older copy', seen, { identity: { clusterUid: 'c', incarnation: 2 }, position: 49 }, 'older'],
    [
      'a copy from before it was accepted',
      seen,
      { identity: { clusterUid: 'c', incarnation: 1 }, position: 99 },
      'older',
    ],
    ['an accepted older copy', seen, { identity: { clusterUid: 'c', incarnation: 3 }, position: 10 }, 'ok'],
  ])('says what %s is', (_what, watermark, store, state) => {
    expect(checkStore(watermark, store).state).toBe(state);
  });
});

describe('IdentityRecord', () => {
  it('is made once, and accepting a store raises its incarnation above everything seen', async () => {
    const record = await IdentityRecord.open(new MemoryStore());
    expect(await record.read()).toBeUndefined();
    const identity = await record.create();
    expect(await record.create()).toEqual(identity);
    expect(await record.accept({ ...identity, incarnation: 4, position: 9 })).toEqual({
      clusterUid: identity.clusterUid,
      incarnation: 5,
    });
    expect((await record.read())?.incarnation).toBe(5);
  });
});
