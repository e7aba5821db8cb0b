import type { RpcMethod } from '@heddle/model';

/** Methods of agents; each host's agent answers on subjects of its own. */
export type AgentMethod = Extract<RpcMethod, `agent.${string}`>;
/** Methods whose answer is a stream of messages. */
export type StreamMethod = 'agent.logs';
/** Methods of services that answer with one message. */
export type ServiceMethod = Exclude<RpcMethod, AgentMethod>;
export type UnaryAgentMethod = Exclude<AgentMethod, StreamMethod>;

export interface MethodInfo {
  /** How long a caller waits unless it says otherwise; for a stream, until its first sign of life. Milliseconds. */
  readonly deadlineMs: number;
  readonly stream?: true;
}

const within = (deadlineMs: number): MethodInfo => ({ deadlineMs });

/** Every method with the time its callers give it. A check is part of an admission, which has to fit into 15 s. */
export const METHODS: Readonly<Record<RpcMethod, MethodInfo>> = {
  'gateway.admit': within(15_000),
  'policy.check': within(5_000),
  'inventory.check': within(5_000),
  'scheduler.check': within(5_000),
  'policy.preview': within(5_000),
  'policy.verdict': within(5_000),
  'policy.rules': within(3_000),
  'policy.status': within(2_000),
  'inventory.register': within(10_000),
  'inventory.heartbeat': within(2_000),
  'inventory.report': within(5_000),
  'inventory.events': within(5_000),
  'inventory.leaseBlock': within(5_000),
  'inventory.hosts': within(3_000),
  'inventory.endpoints': within(3_000),
  'inventory.domains': within(3_000),
  'inventory.fabrics': within(3_000),
  'inventory.status': within(2_000),
  'scheduler.allocations': within(3_000),
  'scheduler.preview': within(5_000),
  'scheduler.services': within(3_000),
  'scheduler.status': within(2_000),
  'fabric.plan': within(60_000),
  'fabric.status': within(2_000),
  'fabric.confirm': within(60_000),
  'agent.probe': within(30_000),
  'agent.logs': { deadlineMs: 5_000, stream: true },
};

/** `policy.check` -> service `policy`, method `check`; nothing for a name that is not in the catalogue. */
export function splitMethod(name: string): { readonly service: string; readonly method: string } | undefined {
  if (!Object.hasOwn(METHODS, name)) return undefined;
  const dot = name.indexOf('.');
  return { service: name.slice(0, dot), method: name.slice(dot + 1) };
}
