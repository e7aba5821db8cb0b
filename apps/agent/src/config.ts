import { readFileSync } from 'node:fs';
import { HeddleError, explainIssues, ipv4Schema, nameSchema, problemText, uplinkSchema } from '@heddle/model';
import * as z from 'zod';

const MAX_SOCKET_PATH = 107;
const socketPath = z.string().max(MAX_SOCKET_PATH, {
  error: `is longer than ${MAX_SOCKET_PATH} characters, which no Unix socket address can hold`,
});

/** What hosts and leaves have in common. */
const common = {
  host: nameSchema,
  /** Survives a reboot: journal, last accepted policy, allocations. */
  stateDir: z.string(),
  /** Sockets and other things of this boot. */
  runDir: z.string(),
  ovs: z.strictObject({
    databaseSocket: socketPath,
    /** Where the management sockets of bridges are. */
    runDir: z.string(),
    bridge: z.string().min(1).max(15).default('br-heddle'),
    datapathType: z.enum(['netdev', 'system']).default('system'),
    uplinkBridge: z.string().max(15).optional(),
  }),
  underlay: z.strictObject({ address: ipv4Schema, mtu: z.number().int().min(576).max(65535).default(1500) }),
  nats: z.strictObject({ servers: z.array(z.string()).min(1), seedFile: z.string().optional() }),
  agent: z.strictObject({ socket: socketPath }).optional(),
  labels: z.record(z.string(), z.string()).default({}),
  zone: z.string().max(63).default('default'),
  /** Whether VXLAN tunnels end here. A user-space switch with TSO on cannot have them. */
  tunnels: z.boolean().default(true),
};

/** The configuration of a host, one JSON file read by the agent and the attach daemon alike. */
export const hostConfigSchema = z.strictObject({
  ...common,
  role: z.literal('host').default('host'),
  docker: z.strictObject({ socket: socketPath }),
  plugin: z.strictObject({ socket: socketPath, name: nameSchema.default('heddle') }),
  /** Between the agent and the attach daemon. */
  attach: z.strictObject({ socket: socketPath }),
  /** Interfaces that Heddle has for itself, each cabled to a port of a leaf. */
  uplinks: z.record(nameSchema, uplinkSchema).default({}),
  /** What may be given to containers; by default what the engine reports. */
  resources: z.strictObject({ cpu: z.number().min(0), memoryBytes: z.number().int().min(0) }).optional(),
  /** Set by a lab; the engine applies it by itself. */
  cgroupParent: z.string().optional(),
});
export type HostConfig = z.infer<typeof hostConfigSchema>;

/** The configuration of a leaf: a switch, and no containers. */
export const leafConfigSchema = z.strictObject({ ...common, role: z.literal('leaf') });
export type LeafConfig = z.infer<typeof leafConfigSchema>;

/** What an agent may be given. */
export type NodeConfig = HostConfig | LeafConfig;

/** Reads and checks the configuration of a host. @throws HeddleError `invalid` with every problem, or for a leaf's */
export function readHostConfig(file: string): HostConfig {
  const config = readNodeConfig(file);
  if (config.role === 'host') return config;
  throw new HeddleError(
    'invalid',
    `${file} is the configuration of a leaf, where nothing attaches; allowed is role host`,
  );
}

/** Reads and checks the configuration of a host or leaf. @throws HeddleError `invalid` with every problem */
export function readNodeConfig(file: string): NodeConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new HeddleError(
      'invalid',
      `cannot read the host configuration ${file}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  const isLeaf = typeof value === 'object' && value !== null && 'role' in value && value.role === 'leaf';
  const result = (isLeaf ? leafConfigSchema : hostConfigSchema).safeParse(value);
  if (result.success) return result.data;
  const problems = explainIssues(result.error.issues, value);
  throw new HeddleError('invalid', `the host configuration ${file} is wrong: ${problems.map(problemText).join('; ')}`, {
    problems,
  });
}
