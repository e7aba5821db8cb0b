import type { NodeStatus } from './lab-node';
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
  const forwarder = { name: 'forwarder', state: 'running' } as const;

  it('does not ask for a control plane', () => {
    const dead = { ...node('ctl', 'dead'), parts: [forwarder, { name: 'server', state: 'dead' } as const] };
    expect(isBaseWhole(node('leaf'), dead)).toBe(true);
    expect(isBaseWhole(node('leaf'), { ...node('ctl'), parts: [forwarder] })).toBe(true);
  });

  it('asks for everything else', () => {
    const whole = { ...node('ctl'), parts: [forwarder] };
    expect(isBaseWhole(node('leaf', 'dead'), whole)).toBe(false);
    expect(isBaseWhole(node('leaf'), { ...whole, state: 'starting' })).toBe(false);
    expect(isBaseWhole(node('leaf'), { ...whole, state: 'dead', parts: [] })).toBe(false);
    expect(isBaseWhole(node('leaf'), { ...whole, state: 'dead', parts: [{ ...forwarder, state: 'dead' }] })).toBe(
      false,
    );
  });
});
