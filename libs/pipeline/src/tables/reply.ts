import type { Flow } from '../openflow/flow';
import { is } from '../registers';
import { flow, pushVlanOf, TO_IN_PORT } from './shared';

/** Answers leave by the port that the question came in at, tagged as it was. */
export const replyFixed: readonly Flow[] = [
  flow('reply', 100, is('arrivalVlan', 0), [TO_IN_PORT]),
  flow('reply', 0, {}, [...pushVlanOf('arrivalVlan'), TO_IN_PORT]),
];
