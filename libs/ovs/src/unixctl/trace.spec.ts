import { readTrace } from './trace';

const THROUGH_CONNTRACK = `Flow: udp,in_port=1

bridge("br0")
-------------
 0. ip,in_port=1, priority 100, cookie 0xa1
    ct(table=5,zone=7)
    drop
     -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 5.

Final flow: unchanged
Megaflow: recirc_id=0,eth,ip,in_port=1,nw_frag=no
Datapath actions: ct(zone=7),recirc(0x1)

===============================================================================
recirc(0x1) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
===============================================================================

bridge("br0")
-------------
    thaw
        Resuming from table 5
 5. priority 1
    resubmit(,6)
     6. No match.
            drop

Final flow: unchanged
Megaflow: recirc_id=0x1
Datapath actions: ACTIONS`;

const withActions = (actions: string): string => THROUGH_CONNTRACK.replace('ACTIONS', actions);

describe('readTrace', () => {
  it('reads the flows that were met, with tables, priorities and cookies', () => {
    expect(readTrace(withActions('drop')).steps).toEqual([
      { table: 0, priority: 100, cookie: 0xa1n, match: 'ip,in_port=1' },
      { table: 5, priority: 1, cookie: 0n, match: '' },
      { table: 6 },
    ]);
  });

  it.each([
    ['drop', 'drop', []],
    ['3', 'output', [3]],
    ['ct(commit,zone=7),4,5', 'output', [4, 5]],
    ['set(ipv4(ttl=63)),push_vlan(vid=100,pcp=0),2', 'output', [2]],
    [
      'clone(tnl_push(tnl_port(4),header(size=50,type=4,eth(dst=02:00:00:00:00:01)),out_port(6)),7),2',
      'output',
      [7, 2],
    ],
    ['userspace(pid=0,controller(reason=1,dont_send=0,max_len=128))', 'controller', []],
    ['userspace(pid=0,controller(reason=1)),3', 'output', [3]],
    ['ct(commit,zone=7)', 'drop', []],
    ['clone(drop)', 'drop', []],
  ])('takes %s for %s', (actions, verdict, outputs) => {
    expect(readTrace(withActions(actions))).toMatchObject({
      verdict,
      outputs,
      datapathActions: ['ct(zone=7),recirc(0x1)', actions],
    });
  });
});
