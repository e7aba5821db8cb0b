import { HeddleError, refuse, type CheckRequest, type Problem } from '@heddle/model';
import type { CallOptions, RpcClient } from '@heddle/service';

/** The owners of objects, each of which has to agree to a change. */
const OWNERS = ['policy', 'inventory', 'scheduler'] as const;

/**
 * Asks every owner whether a change is right by what only the owner knows, all at once.
 * @throws HeddleError `invalid` with the problems of all of them; `unavailable` when one does not answer
 */
export async function checkChange(rpc: RpcClient, request: CheckRequest, options: CallOptions): Promise<void> {
  const answers = await Promise.allSettled(OWNERS.map((owner) => rpc.call(`${owner}.check`, request, options)));
  const problems = answers.flatMap((answer, i) => {
    if (answer.status === 'rejected') throw cannotCheck(OWNERS[i] as string, answer.reason);
    return answer.value.problems;
  });
  refuse(unique(problems));
}

function cannotCheck(owner: string, reason: unknown): HeddleError {
  const error = HeddleError.from(reason);
  const silent = error.code === 'deadline' || error.code === 'unavailable';
  return new HeddleError(
    silent ? 'unavailable' : error.code,
    `${owner} could not check the change: ${error.message}; nothing was changed`,
    { cause: error, problems: error.problems.length > 0 ? error.problems : [{ path: owner, message: error.message }] },
  );
}

/** Two owners may find the same thing wrong. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((p) => [`${p.path}\n${p.message}`, p])).values()];
}
