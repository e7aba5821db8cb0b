import type { NodeStatus } from './lab-node';
import type { PartStatus } from './parts';
import { isBaseWhole, judge } from './status';

const node = (name: string, state: NodeStatus['state'] = 'running', reason?: string): NodeStatus => ({
  name,
  kind: name === 'leaf' ? 'leaf' : name === 'ctl' ? 'control' : 'host',
  state,
  parts: [],
  ...(reason ? { reason } : {}),
});
const nobody = (): boolean => false;
const everybody = (): boolean => true;

describe('judge', () => {
  it.each([
    ['nothing is there', [], nobody, { state: 'absent' }],
    ['all is well', [node('leaf'), node('ctl'), node('h1')], nobody, { state: 'running' }],
    ['there are no hosts yet', [node('leaf'), node('ctl')], nobody, { state: 'running' }],
    [
      'a part has ended',
      [node('leaf'), node('ctl'), node('h1', 'dead', 'agent: process 7 has ended')],
      nobody,
      { state: 'dead', reason: 'h1: agent: process 7 has ended' },
    ],
    [
      'a start was cut off',
      [node('leaf'), node('ctl'), node('h1', 'starting')],
      nobody,
      { state: 'dead', reason: 'h1: its start was cut off' },
    ],
    ['somebody is at work', [node('leaf'), node('ctl', 'starting')], everybody, { state: 'starting' }],
    ['somebody has just begun', [node('leaf', 'starting')], everybody, { state: 'starting' }],
    ['the leaf is not there', [node('ctl'), node('h1')], nobody, { state: 'dead', reason: 'leaf: it is not there' }],
    [
      'one host starts and another is dead',
      [node('leaf'), node('ctl'), node('h1', 'starting'), node('h2', 'dead', 'engine: gone')],
      (name: string) => name === 'h1',
      { state: 'dead', reason: 'h2: engine: gone' },
    ],
  ])('when %s', (_case, nodes, busy, expected) => {
    expect(judge(nodes, busy)).toEqual(expected);
  });
});

describe('isBaseWhole', () => {
  const part = (name: string, state: PartStatus['state'] = 'running'): PartStatus => ({ name, state });
  const leaf = { ...node('leaf'), parts: [part('ovsdb'), part('vswitchd')] };
  const control = { ...node('ctl'), parts: [part('forwarder')] };
  const dead = (whole: NodeStatus, ...parts: PartStatus[]): NodeStatus => ({ ...whole, state: 'dead', parts });

  it('does not ask for a control plane, nor for an agent of the leaf', () => {
    expect(isBaseWhole(leaf, control)).toBe(true);
    expect(isBaseWhole(leaf, dead(control, part('forwarder'), part('server', 'dead')))).toBe(true);
    expect(isBaseWhole(dead(leaf, ...leaf.parts, part('agent', 'dead')), control)).toBe(true);
  });

  it('asks for everything else', () => {
    expect(isBaseWhole(dead(leaf, part('ovsdb'), part('vswitchd', 'dead'), part('agent')), control)).toBe(false);
    expect(isBaseWhole(dead(leaf), control)).toBe(false);
    expect(isBaseWhole({ ...leaf, state: 'starting' }, control)).toBe(false);
    expect(isBaseWhole(leaf, { ...control, state: 'starting' })).toBe(false);
    expect(isBaseWhole(leaf, dead(control))).toBe(false);
    expect(isBaseWhole(leaf, dead(control, part('forwarder', 'dead')))).toBe(false);
  });
});
