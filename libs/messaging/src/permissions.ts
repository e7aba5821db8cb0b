import { TOPICS } from '@heddle/model';
import { subjects } from './subjects';
import { encodeToken } from './token';

/** What a NATS user may do; the shape of a `permissions` block in the server's configuration. */
export interface UserPermissions {
  readonly publish: { readonly allow: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  /** Leave to answer the requests it was sent: any number of messages until `ttl` after the last one it received. */
  readonly allow_responses?: { readonly max: number; readonly ttl: string };
}

/** Who a NATS user is: a part of the control plane, or the agent of one host. */
export type UserRole = 'server' | { readonly host: string };

/** The topics that every host's agent reads; those of one host only (`allocations.HOST`) come on top. */
export const SHARED_HOST_TOPICS: readonly string[] = [TOPICS.policy, TOPICS.endpoints, TOPICS.encapsulations];

/** Whether a host may read a topic, the same that {@link permissionsFor} lets it subscribe to: a shared one, or its own. */
export function hostMayRead(host: string, topic: string): boolean {
  const [, reader, ...more] = topic.split('.');
  return SHARED_HOST_TOPICS.includes(topic) || (reader === host && more.length === 0);
}

/**
 * The allow lists of a user. The control plane may do everything. A host may send requests under its own name, answer
 * what it is asked, and read its own subjects and the shared topics. It reaches no other host, no service as anybody
 * but itself, no event, no store, and never the JetStream API.
 */
export function permissionsFor(role: UserRole, topics: readonly string[] = SHARED_HOST_TOPICS): UserPermissions {
  if (role === 'server') return { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } };
  const host = encodeToken(role.host);
  return {
    publish: { allow: [`heddle.from.${host}.>`] },
    subscribe: {
      allow: [
        `heddle.agent.${host}.>`,
        `${subjects.inboxPrefix(role.host)}.>`,
        ...topics.map((topic) => subjects.dist(topic)),
        `heddle.dist.*.${host}`,
      ],
    },
    // A stream of log lines may last for hours; the reader's credits renew the leave.
    allow_responses: { max: -1, ttl: '5m' },
  };
}
