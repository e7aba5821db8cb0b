import { imageFrom, inspectionFrom, networkInfoFrom, statsFrom, summaryFrom } from './container-state';
import { fromNanoseconds, sinceParameter } from './engine-time';

describe("the engine's answers, normalised", () => {
  it('a container that ended', () => {
    const raw = {
      Id: 'abc',
      Name: '/web-1',
      Created: '2026-11-24T07:00:00.1Z',
      Image: 'sha256:1',
      RestartCount: 2,
      Config: { Image: 'heddle/demo', Labels: { a: 'b' } },
      State: {
        Status: 'exited',
        Pid: 0,
        ExitCode: 137,
        Error: '',
        OOMKilled: true,
        StartedAt: '2026-11-24T07:00:01Z',
        FinishedAt: '2026-11-24T07:00:02Z',
      },
      NetworkSettings: {
        Networks: { acme: { NetworkID: 'n1', EndpointID: '', IPAddress: '', IPPrefixLen: 0, MacAddress: '' } },
      },
    };
    expect(inspectionFrom(raw)).toEqual({
      id: 'abc',
      name: 'web-1',
      image: 'heddle/demo',
      imageId: 'sha256:1',
      status: 'exited',
      exitCode: 137,
      oomKilled: true,
      restartCount: 2,
      createdAt: '2026-11-24T07:00:00.1Z',
      startedAt: '2026-11-24T07:00:01Z',
      finishedAt: '2026-11-24T07:00:02Z',
      labels: { a: 'b' },
      networks: { acme: { networkId: 'n1' } },
    });
  });

  it('a container that could not be started has an exit code and a reason, one never started has neither', () => {
    const never = '0001-01-01T00:00:00Z';
    const state = { Status: 'created', Pid: 0, ExitCode: 128, Error: 'no plugin', StartedAt: never, FinishedAt: never };
    const failed = inspectionFrom({ Id: 'a', State: state });
    expect(failed).toMatchObject({ status: 'created', exitCode: 128, error: 'no plugin' });
    expect(Object.keys(failed)).not.toEqual(expect.arrayContaining(['startedAt']));
    expect(inspectionFrom({ Id: 'a', State: { ...state, ExitCode: 0, Error: '' } })).not.toHaveProperty('exitCode');
  });

  it('nothing at all, null and an unknown state', () => {
    const empty = { status: 'dead', labels: {}, networks: {}, name: '' };
    expect(inspectionFrom({ Id: 'a' })).toMatchObject(empty);
    expect(
      inspectionFrom({
        Id: 'a',
        State: { Status: 'levitating' },
        Config: { Labels: null },
        NetworkSettings: { Networks: null },
      }),
    ).toMatchObject(empty);
    expect(summaryFrom({ Id: 'a', Names: null, Labels: null })).toMatchObject({ name: '', labels: {}, status: 'dead' });
    expect(imageFrom({ Id: 'a', Config: null })).toMatchObject({ entrypoint: [], labels: {} });
    expect(imageFrom({ Id: 'a', Config: { Entrypoint: '/x', Cmd: ['y'] } })).toMatchObject({
      entrypoint: ['/x'],
      command: ['y'],
    });
    expect(networkInfoFrom({ Id: 'a', Name: 'n', IPAM: { Config: null } })).toEqual({
      id: 'a',
      name: 'n',
      driver: '',
      ipamDriver: '',
      ipamOptions: {},
      options: {},
      labels: {},
      internal: false,
    });
  });

  it('usage without page cache, on both cgroup versions, and of a container that does not run', () => {
    const reading = (stats: Record<string, number>) =>
      statsFrom({ read: '2026-11-24T07:00:00Z', memory_stats: { usage: 1000, limit: 5000, stats } });
    expect(reading({ total_inactive_file: 300, inactive_file: 1 })?.memoryBytes).toBe(700);
    expect(reading({ inactive_file: 200 })?.memoryBytes).toBe(800);
    expect(reading({ inactive_file: 2000 })?.memoryBytes).toBe(0);
    expect(statsFrom({ read: '0001-01-01T00:00:00Z', memory_stats: {} })).toBeUndefined();
  });
});

describe('times', () => {
  it('reach the engine with every nanosecond', () => {
    expect(sinceParameter('2026-11-24T07:00:00.000000001Z')).toBe('1795503600.000000001');
    expect(sinceParameter('2026-11-24T08:00:00+01:00')).toBe('1795503600.000000000');
    expect(sinceParameter(new Date(1795503600123))).toBe('1795503600.123000000');
    expect(fromNanoseconds(1795503600000000001n)).toBe('2026-11-24T07:00:00.000000001Z');
    expect(() => sinceParameter(new Date(NaN))).toThrow('allowed is RFC 3339');
    expect(() => sinceParameter('2026-13-45T99:00:00Z')).toThrow('allowed is RFC 3339');
  });
});
