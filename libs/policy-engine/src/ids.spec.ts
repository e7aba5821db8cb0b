import fc from 'fast-check';
import { EMPTY_IDS, ID_SPACES, assignIds, raiseFloor, type IdTable } from './ids';
import { ACME, SHOP, epg } from './testing/build';
import * as arbitraries from './testing/arbitraries';

const classIds = (table: IdTable): Record<string, number> => ({ ...table.class.ids });

describe('assignIds', () => {
  it('numbers by path, classes from 16', () => {
    const table = assignIds(EMPTY_IDS, SHOP);
    expect(table.vrf).toEqual({ next: 2, ids: { 'uid-Vrf-acme/default': 1 } });
    expect(table.bridgeDomain).toEqual({ next: 2, ids: { 'uid-BridgeDomain-acme/default': 1 } });
    expect(classIds(table)).toEqual({
      'uid-Epg-acme/shop/api': 16,
      'uid-Epg-acme/shop/db': 17,
      'uid-Epg-acme/shop/web': 18,
    });
  });

  it('keeps what was given and returns the same table when nothing is new', () => {
    const table = assignIds(EMPTY_IDS, SHOP);
    expect(assignIds(table, [...SHOP].reverse())).toBe(table);
    const more = assignIds(table, [...SHOP, epg('acme/shop/aaa')]);
    expect(classIds(more)).toEqual({ ...classIds(table), 'uid-Epg-acme/shop/aaa': 19 });
  });

  it('gives a new class to an EPG that is created again under its name', () => {
    const first = assignIds(EMPTY_IDS, [...ACME, epg('acme/shop/web', {}, 'one')]);
    const gone = assignIds(first, ACME);
    expect(classIds(gone)).toEqual({});
    expect(classIds(assignIds(gone, [...ACME, epg('acme/shop/web', {}, 'two')]))).toEqual({ two: 17 });
    expect(classIds(assignIds(first, [...ACME, epg('acme/shop/web', {}, 'two')]))).toEqual({ two: 17 });
  });

  it('survives JSON', () => {
    const table = assignIds(EMPTY_IDS, SHOP);
    expect(assignIds(JSON.parse(JSON.stringify(table)) as IdTable, SHOP)).toEqual(table);
  });

  it('refuses when the numbers are used up', () => {
    const last = { ...EMPTY_IDS, class: { next: ID_SPACES.class.last, ids: {} } };
    const full = assignIds(last, [...ACME, epg('acme/shop/web')]);
    expect(classIds(full)).toEqual({ 'uid-Epg-acme/shop/web': 16_777_215 });
    expect(assignIds(full, [...ACME, epg('acme/shop/web')])).toBe(full);
    expect(() => assignIds(full, [...ACME, epg('acme/shop/web'), epg('acme/shop/api')])).toThrow(
      expect.objectContaining({
        code: 'limit',
        message: expect.stringContaining(
          'no number is left for Epg acme/shop/api: all EPG class ids up to 16777215',
        ) as unknown,
      }),
    );
  });

  it('never gives a number twice, whatever is created and deleted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(arbitraries.policy, fc.option(fc.integer({ min: 0, max: 60 })))), (edits) => {
        const owner = new Map<string, string>();
        let table = EMPTY_IDS;
        for (const [objects, floor] of edits) {
          if (floor !== null) table = raiseFloor(table, { classId: floor, vrf: floor });
          table = assignIds(table, objects);
          for (const [space, pool] of Object.entries(table)) {
            for (const [uid, id] of Object.entries((pool as IdTable['class']).ids)) {
              const key = `${space} ${id}`;
              // Forgotten uids get another number when they return, so the number tells the uid, not the reverse.
              expect(owner.get(key) ?? uid).toBe(uid);
              owner.set(key, uid);
            }
          }
        }
      }),
    );
  });
});

describe('raiseFloor', () => {
  it('resumes above what agents report and never sinks', () => {
    const table = raiseFloor(assignIds(EMPTY_IDS, SHOP), { classId: 40, bridgeDomain: 0 });
    expect(table.class.next).toBe(41);
    expect(raiseFloor(table, { classId: 40, vrf: 1 })).toBe(table);
    expect(classIds(assignIds(table, [...SHOP, epg('acme/shop/new')]))['uid-Epg-acme/shop/new']).toBe(41);
  });
});
