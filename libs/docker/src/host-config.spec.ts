import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import type { ContainerSpec } from './container-spec';
import { createRequest } from './create-request';
import { HOST_CONFIG_KEYS, hostConfig } from './host-config';

const SPEC: ContainerSpec = {
  name: 'web-1',
  image: 'heddle/demo',
  network: { name: 'acme' },
  resources: { cpu: 0.25, memoryBytes: 32 * 1024 * 1024, pids: 64 },
};
const OPTIONS = { fileRoots: ['/var/lib/heddle/files'] };

const problemsOf = (spec: unknown): readonly string[] => {
  try {
    hostConfig(spec as ContainerSpec, OPTIONS);
  } catch (error) {
    if (error instanceof HeddleError && error.code === 'invalid') return error.problems.map((p) => p.path);
    throw error;
  }
  return [];
};

describe('hostConfig', () => {
  it('is safe by default', () => {
    expect(hostConfig(SPEC)).toEqual({
      CapDrop: ['ALL'],
      CgroupnsMode: 'private',
      Init: true,
      IpcMode: 'private',
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10485760', 'max-file': '2' } },
      Memory: 33554432,
      MemorySwap: 33554432,
      Mounts: [],
      NanoCpus: 250_000_000,
      NetworkMode: 'acme',
      PidsLimit: 64,
      ReadonlyRootfs: false,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      SecurityOpt: ['no-new-privileges'],
      Tmpfs: {},
    });
  });

  it('mounts files of the agent, read-only', () => {
    const mounts = [{ source: '/var/lib/heddle/files/a/resolv.conf', target: '/etc/resolv.conf' }];
    expect(hostConfig({ ...SPEC, mounts }, OPTIONS).Mounts).toEqual([
      {
        Type: 'bind',
        Source: '/var/lib/heddle/files/a/resolv.conf',
        Target: '/etc/resolv.conf',
        ReadOnly: true,
        BindOptions: { Propagation: 'rprivate', NonRecursive: true },
      },
    ]);
  });

  it.each([
    '/var/run/docker.sock',
    '/',
    '/var/lib/heddle/files',
    '/var/lib/heddle/files/../secret',
    '/var/lib/heddle/files-of-others/x',
    'relative',
    '/var/lib/heddle/files/a\0b',
  ])('refuses to mount %j', (source) => {
    expect(problemsOf({ ...SPEC, mounts: [{ source, target: '/etc/hosts' }] })).toContain('mounts[0].source');
  });

  it.each(['/proc/1/x', '/sys', '/dev/mem', '/', '/etc/../proc/x', '/a:rw', '/a,b', ''])(
    'refuses to mount over %j',
    (target) => {
      const mounts = [{ source: '/var/lib/heddle/files/x', target }];
      expect(problemsOf({ ...SPEC, mounts })).toEqual(['mounts[0].target']);
      expect(problemsOf({ ...SPEC, tmpfs: [{ path: target, sizeBytes: 65536 }] })).toEqual(['tmpfs[0].path']);
    },
  );

  it('refuses mounts altogether when it was given no root', () => {
    const mounts = [{ source: '/var/lib/heddle/files/x', target: '/etc/hosts' }];
    expect(() => hostConfig({ ...SPEC, mounts })).toThrow('allowed are no files at all');
  });

  it.each(['host', 'Host', 'bridge', 'default', 'container:abc', 'service:x', '', 'a b', '-x'])(
    'refuses the network %j',
    (name) => expect(problemsOf({ ...SPEC, network: { name } })).toContain('network.name'),
  );

  it('rounds limits up to the smallest that kernel and engine accept', () => {
    const config = hostConfig({ ...SPEC, resources: { cpu: 0.001, memoryBytes: 4 * 1024 * 1024, pids: 8 } });
    expect([config.NanoCpus, config.Memory, config.MemorySwap]).toEqual([10_000_000, 6291456, 6291456]);
  });

  it('lists everything that is wrong at once', () => {
    const bad = {
      ...SPEC,
      name: 'a/b',
      user: 'root',
      resources: { cpu: NaN, memoryBytes: 1.5, pids: 0 },
      env: { 'A=B': 'x', OK: 'nul\0' },
      args: [7],
    };
    expect(problemsOf(bad)).toEqual([
      'name',
      'args[0]',
      'env',
      'env.OK',
      'resources.cpu',
      'resources.memoryBytes',
      'resources.pids',
      'user',
    ]);
  });

  it('refuses strings that no process can receive and totals that the kernel refuses', () => {
    const kib = (n: number): string => 'x'.repeat(n * 1024);
    expect(problemsOf({ ...SPEC, args: [kib(129)] })).toEqual(['args[0]']);
    expect(problemsOf({ ...SPEC, args: Array<string>(9).fill(kib(120)) })).toEqual(['']);
    expect(problemsOf({ ...SPEC, env: { A: kib(128) } })).toEqual(['env.A']);
    expect(problemsOf({ ...SPEC, labels: { a: kib(60), b: kib(60), c: kib(60), d: kib(60), e: kib(60) } })).toEqual([
      'labels',
    ]);
    expect(problemsOf({ ...SPEC, env: { A: '\ud800' } })).toEqual(['env.A']);
  });

  it.each([
    { Privileged: true },
    { privileged: true },
    { resources: { ...SPEC.resources, Devices: [] } },
    { network: { name: 'acme', NetworkMode: 'host' } },
    { tmpfs: [{ path: '/tmp', sizeBytes: 65536, options: 'exec,suid' }] },
  ])('refuses what a cast smuggled in: %j', (extra) => {
    expect(() => hostConfig({ ...SPEC, ...extra } as ContainerSpec)).toThrow('is no field of a container');
  });

  it('reads a field once, so that a getter cannot change its mind', () => {
    let reads = 0;
    const spec = Object.defineProperty({ ...SPEC }, 'network', {
      enumerable: true,
      get: () => ({ name: reads++ === 0 ? 'acme' : 'host' }),
    });
    expect(hostConfig(spec).NetworkMode).toBe('acme');
    expect(reads).toBe(1);
  });
});

/** Values that a hostile or broken caller could put in any field, engine keys included. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything(),
  fc.constantFrom('host', 'container:x', '/var/run/docker.sock', 'unconfined', 'ALL', true, -1, ['SYS_ADMIN']),
);
const engineKeys = [
  'Privileged',
  'CapAdd',
  'Devices',
  'PidMode',
  'UTSMode',
  'UsernsMode',
  'Binds',
  'VolumesFrom',
  'SecurityOpt',
  'Runtime',
  'CgroupParent',
  'PortBindings',
  'Sysctls',
  '__proto__',
  'constructor',
  'toString',
];
const ourKeys = [
  'name',
  'image',
  'command',
  'args',
  'env',
  'labels',
  'hostname',
  'network',
  'resources',
  'readOnlyRootfs',
  'tmpfs',
  'user',
  'workingDir',
  'stopSignal',
  'mounts',
  'init',
  'logMaxSize',
];
const hostile = fc
  .array(fc.tuple(fc.constantFrom(...engineKeys, ...ourKeys), junk), { maxLength: 4 })
  .map((entries) => ({ ...SPEC, ...Object.fromEntries(entries) }) as unknown as ContainerSpec);

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((s) => !s.includes('\0'));
const valid: fc.Arbitrary<ContainerSpec> = fc
  .record({
    env: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), text),
    args: fc.array(text),
    labels: fc.dictionary(fc.stringMatching(/^[a-z][a-z.]{0,8}[a-z]$/), text),
    readOnlyRootfs: fc.boolean(),
    init: fc.boolean(),
    user: fc.nat(65535).map(String),
    tmpfs: fc.array(
      fc.record({ path: fc.stringMatching(/^\/tmp[a-z]{0,5}$/), sizeBytes: fc.integer({ min: 4096, max: 1e9 }) }),
    ),
    resources: fc.record({
      cpu: fc.double({ min: 0.001, max: 64, noNaN: true }),
      memoryBytes: fc.integer({ min: 4 * 1024 * 1024, max: 2 ** 40 }),
      pids: fc.integer({ min: 1, max: 100_000 }),
    }),
  })
  .map((parts) => ({ ...SPEC, ...parts }));

describe('hostConfig, whatever it is given', () => {
  const onlyAllowed = (spec: ContainerSpec): boolean => {
    const config = hostConfig(spec, OPTIONS);
    expect(Object.keys(config).sort()).toEqual([...HOST_CONFIG_KEYS]);
    expect(config.CapDrop).toEqual(['ALL']);
    expect(config.SecurityOpt).toEqual(['no-new-privileges']);
    expect(config.MemorySwap).toBe(config.Memory);
    expect(Number.isSafeInteger(config.NanoCpus)).toBe(true);
    expect(config.NetworkMode).not.toMatch(/^(host|bridge|default|container:.*)$/);
    for (const mount of config.Mounts) {
      expect(Object.keys(mount)).toEqual(['Type', 'Source', 'Target', 'ReadOnly', 'BindOptions']);
      expect([mount.Type, mount.ReadOnly]).toEqual(['bind', true]);
      expect(mount.Source.startsWith('/var/lib/heddle/files/')).toBe(true);
    }
    return true;
  };

  it('gives allowed keys with safe values for every valid spec', () => {
    fc.assert(fc.property(valid, onlyAllowed));
  });

  it('refuses a hostile spec as invalid, or gives allowed keys with safe values', () => {
    fc.assert(
      fc.property(hostile, (spec) => {
        try {
          return onlyAllowed(spec);
        } catch (error) {
          if (error instanceof HeddleError) return error.code === 'invalid';
          throw error;
        }
      }),
    );
  });

  it('never lets an unknown key into the create request', () => {
    const keys = new Set([
      'Image',
      'Entrypoint',
      'Cmd',
      'Env',
      'Labels',
      'Hostname',
      'User',
      'WorkingDir',
      'StopSignal',
      'MacAddress',
      'Healthcheck',
      'HostConfig',
      'NetworkingConfig',
    ]);
    fc.assert(fc.property(valid, (spec) => Object.keys(createRequest(spec)).every((key) => keys.has(key))));
  });
});

describe('createRequest', () => {
  it('puts the address, the options and the aliases where the engine looks for them', () => {
    const request = createRequest({
      ...SPEC,
      command: ['/bin/a'],
      args: ['b'],
      env: { PORT: '8080' },
      hostname: 'web-1',
      network: {
        name: 'acme',
        ipv4Address: '10.32.0.7',
        macAddress: '02:48:0a:20:00:07',
        driverOpts: { 'heddle.epg': 'acme/shop/web' },
        aliases: ['web'],
      },
    });
    expect(request).toMatchObject({
      Image: 'heddle/demo',
      Entrypoint: ['/bin/a'],
      Cmd: ['b'],
      Env: ['PORT=8080'],
      Hostname: 'web-1',
      MacAddress: '02:48:0a:20:00:07',
      Healthcheck: { Test: ['NONE'] },
      NetworkingConfig: {
        EndpointsConfig: {
          acme: {
            IPAMConfig: { IPv4Address: '10.32.0.7' },
            MacAddress: '02:48:0a:20:00:07',
            DriverOpts: { 'heddle.epg': 'acme/shop/web' },
            Aliases: ['web'],
          },
        },
      },
    });
  });

  it('gives "none" no endpoint, and refuses endpoint settings for it', () => {
    const none = { ...SPEC, network: { name: 'none' } };
    expect(createRequest(none).NetworkingConfig.EndpointsConfig).toEqual({});
    expect(() => createRequest({ ...none, network: { name: 'none', ipv4Address: '10.0.0.1' } })).toThrow('"none"');
  });
});
