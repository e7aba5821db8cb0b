import type { Files } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { toHeddleError, UsageError } from '../errors';
import { InterruptedError } from '../interrupt';
import type { Session } from '../session';
import { hostSeed } from './credentials';
import type { LabPort, Labs, LabStatusView, OpenLabOptions } from './port';
import { LabProgress } from './progress';

/** The lab that is meant where neither it nor a context names one. */
export const DEFAULT_LAB = 'demo';
export const LAB_OPTION = [
  '--lab <name>',
  `name of the lab (default: that of the context in use, or "${DEFAULT_LAB}")`,
] as const;

/**
 * The lab that one part of a command is about: the one that is named, that of the context in use, or the default one.
 * @throws UsageError when none of these is there, but others are
 */
export async function labMeant(session: Session, labs: Labs, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const [context, names] = await Promise.all([session.contextInUse(), labs.names()]);
  if (context !== undefined && names.includes(context)) return context;
  if (names.length === 0 || names.includes(DEFAULT_LAB)) return DEFAULT_LAB;
  const found = context === undefined ? 'no context is in use' : `the context in use, "${context}", is of no lab here`;
  throw new UsageError(
    `${found}; name the lab with --lab: there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`,
  );
}

/** @throws UsageError for a name that no lab can have */
export async function openLab(labs: Labs, options: OpenLabOptions): Promise<LabPort> {
  try {
    return await labs.open(options);
  } catch (error) {
    throw asUsage(error);
  }
}

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
  const lab = await openLab(labs, {
    name,
    ...(hosts === undefined ? {} : { hosts }),
    credentials: (host, opened) => hostSeed(host, opened, { files, clock, signal }),
    onProgress: progress.onEvent,
  });
  try {
    await work(lab, progress);
  } catch (error) {
    progress.done();
    const known = asUsage(error);
    if (known instanceof UsageError || known instanceof InterruptedError) throw known;
    throw await labFailure(known, lab, files);
  }
}

/** What a lab finds wrong about names, addresses and numbers is from the command line. */
function asUsage(error: unknown): unknown {
  const { code, message } = toHeddleError(error);
  return code === 'invalid' ? new UsageError(message) : error;
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
