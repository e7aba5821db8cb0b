import fc from 'fast-check';
import { Replica, type RowChange, type TableUpdates } from './replica';
import type { Row } from './values';

const rowsOf = (replica: Replica, table: string): Record<string, Row> => Object.fromEntries(replica.table(table));

function watched(): { replica: Replica; changes: RowChange[] } {
  const replica = new Replica({ T: ['n'] });
  const changes: RowChange[] = [];
  replica.on('change', (all) => changes.push(...all));
  return { replica, changes };
}

describe('Replica', () => {
  it('follows rows that come, change and go', () => {
    const { replica, changes } = watched();
    replica.reset({ T: { a: { new: { n: 1 } } } });
    replica.update({ T: { a: { old: { n: 1 }, new: { n: 2 } }, b: { new: { n: 3 } } } });
    replica.update({ T: { a: { old: { n: 2 } } } });
    expect(rowsOf(replica, 'T')).toEqual({ b: { n: 3 } });
    expect(changes).toEqual([
      { table: 'T', uuid: 'a', before: undefined, after: { n: 1 } },
      { table: 'T', uuid: 'a', before: { n: 1 }, after: { n: 2 } },
      { table: 'T', uuid: 'b', before: undefined, after: { n: 3 } },
      { table: 'T', uuid: 'a', before: { n: 2 }, after: undefined },
    ]);
  });

  it('reports after a reconnect only what is different', () => {
    const { replica, changes } = watched();
    replica.reset({ T: { same: { new: { n: 1 } }, changed: { new: { n: 1 } }, gone: { new: { n: 1 } } } });
    changes.length = 0;
    replica.reset({ T: { same: { new: { n: 1 } }, changed: { new: { n: 2 } }, fresh: { new: { n: 3 } } } });
    expect(changes).toEqual([
      { table: 'T', uuid: 'changed', before: { n: 1 }, after: { n: 2 } },
      { table: 'T', uuid: 'fresh', before: undefined, after: { n: 3 } },
      { table: 'T', uuid: 'gone', before: { n: 1 } },
    ]);
  });

  it('says nothing when nothing changed', () => {
    const { replica, changes } = watched();
    const state: TableUpdates = { T: { a: { new: { n: 1 } } } };
    replica.reset(state);
    changes.length = 0;
    replica.reset(state);
    replica.update({});
    expect(changes).toEqual([]);
  });

  it('is the sum of its changes, whatever is reset and updated', () => {
    const row = fc.record({ n: fc.integer() });
    const state = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.record({ new: fc.option(row, { nil: undefined }) }));
    const step = fc.record({ reset: fc.boolean(), rows: state });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { replica, changes } = watched();
        for (const { reset, rows } of steps) replica[reset ? 'reset' : 'update']({ T: rows });
        const sum = new Map<string, Row>();
        for (const { uuid, after } of changes) {
          if (after === undefined) sum.delete(uuid);
          else sum.set(uuid, after);
        }
        expect(Object.fromEntries(sum)).toEqual(rowsOf(replica, 'T'));
      }),
    );
  });
});
