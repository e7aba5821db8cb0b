import { changeOf, entriesOf, host } from './testing/objects';
import { ownFactProblems } from './check-hosts';
import { inventoryObjects } from './objects';

const UPLINKS = ', uplinks: { a: { interface: eth1, leaf: leaf1, port: p1 } }';
const H1 = host('h1', '192.0.2.11', UPLINKS);
const problemsOf = (text: string, verb = 'apply', registered: readonly string[] = ['h1']) =>
  ownFactProblems(inventoryObjects(entriesOf(H1)), { ...changeOf(text), verb }, new Set(registered));

describe('what a host says of itself', () => {
  it('is not written by anybody else', () => {
    const advice =
      "which the host itself says: change it in the host's own configuration, and its agent says it when it starts again";
    expect(problemsOf(host('h1', '192.0.2.12', ', tunnels: false'))).toEqual([
      { path: 'Host h1 spec.underlay', message: `found "192.0.2.12"; allowed is "192.0.2.11", ${advice}` },
      { path: 'Host h1 spec.tunnels', message: `found false; allowed is true, ${advice}` },
      {
        path: 'Host h1 spec.uplinks',
        message: `found {}; allowed is {"a":{"interface":"eth1","leaf":"leaf1","port":"p1"}}, ${advice}`,
      },
    ]);
    expect(problemsOf(H1.replace('cpu: 4', 'cpu: 8')).map(({ path }) => path)).toEqual(['Host h1 spec.capacity']);
  });

  it('leaves the rest to people', () => {
    expect(problemsOf(host('h1', '192.0.2.11', `${UPLINKS}, zone: b, domains: [default], schedulable: false`))).toEqual(
      [],
    );
  });

  it('is said by the host when it registers, and comes back with a rollback', () => {
    const other = host('h1', '192.0.2.12');
    expect([problemsOf(other, 'register'), problemsOf(other, 'rollback')]).toEqual([[], []]);
  });

  it('is free to write before the host has said anything, and when it goes', () => {
    expect(problemsOf(host('h1', '192.0.2.12'), 'apply', [])).toEqual([]);
    expect(problemsOf(host('h2', '192.0.2.13'), 'apply', ['h1', 'h2'])).toEqual([]);
  });
});
