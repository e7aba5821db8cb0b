import type { Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { toHeddleError, UsageError } from '../errors';
import { InterruptedError } from '../interrupt';
import type { Session } from '../session';
import { hostSeed } from './credentials';
import type { LabPort, Labs, LabStatusView } from './port';
import { LabProgress } from './progress';

/** Opens a lab with its progress shown; what fails in it says where the logs are. */
export async function inLab(
  session: Session,
  labs: Labs,
  name: string,
  hosts: number | undefined,
  work: (lab: LabPort, progress: LabProgress) => Promise<void>,
): Promise<void> {
  const { terminal, files } = session.environment;
  const { clock, signal } = session;
  const progress = new LabProgress(terminal, session.errorStyle);
  const lab = await labs.open({
    name,
    ...(hosts === undefined ? {} : { hosts }),
    credentials: (host, opened) => hostSeed(host, opened, { files, clock, signal }),
    onProgress: progress.onEvent,
  });
  try {
    await work(lab, progress);
  } catch (error) {
    progress.done();
    if (error instanceof UsageError || error instanceof InterruptedError) throw error;
    throw await labFailure(error, lab, files);
  }
}

/** The error of a lab as the command line's own: what cannot be reached inside it is a failure, not an absent server. */
async function labFailure(error: unknown, { nodesFolder }: LabPort, files: Files): Promise<HeddleError> {
  const { message } = toHeddleError(error);
  const logs = (await files.exists(nodesFolder)) ? `; the logs of its processes are in ${nodesFolder}/*/logs` : '';
  return new HeddleError('internal', `${message}${logs}`, { cause: error });
}

/** @throws UsageError for a user who may not make labs */
export async function loadLabs(session: Session): Promise<Labs> {
  const { userId } = session.environment;
  if (userId !== undefined && userId !== 0) {
    throw new UsageError(
      'a lab makes network namespaces and runs container engines, for which it must be root: run it with sudo',
    );
  }
  return session.environment.loadLab();
}

/** Hosts join the control plane, and servers are described to it. @throws UsageError when the lab has none that runs */
export function checkControlPlane({ name, nodes }: LabStatusView): void {
  const control = nodes.find(({ kind }) => kind === 'control');
  const server = control?.parts.find((part) => part.name === 'server');
  if (server?.state === 'running') return;
  throw new UsageError(`lab ${name} has no running control plane; first: heddle lab up --name ${name} --hosts 0`);
}
