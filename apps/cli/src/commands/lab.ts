import { HeddleError, kindInfo } from '@heddle/model';
import { parseCount, parseDuration } from '../duration';
import { toHeddleError } from '../errors';
import { InterruptedError } from '../interrupt';
import { labApi, whenReachable } from '../lab/credentials';
import { checkControlPlane, DEFAULT_LAB, inLab, LAB_OPTION, labMeant, loadLabs, openLab } from '../lab/in-lab';
import type { LabPort, Labs } from '../lab/port';
import type { LabProgress } from '../lab/progress';
import { waitUntilReady } from '../lab/ready';
import { labStatusLines } from '../lab/status';
import { checkFormat, PLAIN_FORMATS } from '../render/output';
import type { Session } from '../session';
import type { Register } from './command';
import { registerLabServer } from './lab-server';

const MOST_HOSTS = 64;

export const registerLab: Register = (program, run) => {
  const lab = program
    .command('lab')
    .description('several hosts on this machine, each in a network namespace of its own');

  lab
    .command('up')
    .description(
      'make a lab, or the hosts that are missing of it, and use it; one that is dead in any part is cleared first, with its store and all that runs in it',
    )
    .option('--name <name>', 'name of the lab', DEFAULT_LAB)
    .option('--hosts <n>', 'number of hosts', '3')
    .option('--timeout <duration>', 'how long the hosts may take to be ready', '60s')
    .option('--keep', 'when they are not ready in time, keep the lab, to look into it')
    .action(
      run(async (session, options: { name: string; hosts: string; timeout: string; keep?: boolean }) => {
        const hosts = parseCount('number of hosts', options.hosts, 0, MOST_HOSTS);
        await labUp(session, options.name, hosts, parseDuration(options.timeout), options.keep ?? false);
      }),
    );

  lab
    .command('down')
    .description('end a lab and everything in it')
    .option('--name <name>', 'name of the lab', DEFAULT_LAB)
    .option('--all', 'all labs of this machine')
    .action(
      run(async (session, options: { name: string; all?: boolean }) => {
        const labs = await loadLabs(session);
        for (const name of options.all ? await labs.names() : [options.name]) await labDown(session, labs, name);
      }),
    );

  lab
    .command('status')
    .description('show the labs of this machine and each of their parts')
    .option('--name <name>', 'of this lab only')
    .option('-o, --output <format>', 'table, json or yaml', 'table')
    .action(
      run(async (session, options: { name?: string; output: string }) => {
        const format = checkFormat(options.output, PLAIN_FORMATS);
        const labs = await session.environment.loadLab();
        const names = options.name === undefined ? await labs.names() : [options.name];
        const statuses = await Promise.all(names.map(async (name) => (await openLab(labs, { name })).status()));
        session.result(options.name === undefined ? statuses : statuses[0], format, () => {
          if (statuses.length === 0) session.remark('there are no labs');
          for (const status of statuses) session.print(...labStatusLines(status, session.style));
        });
      }),
    );

  const host = lab.command('host').description('make and end single hosts of a lab');
  host
    .command('up')
    .description('make a host, or nothing when it is there and whole')
    .argument('<NAME>', 'name of the host')
    .option(...LAB_OPTION)
    .option('--timeout <duration>', 'how long the host may take to be ready', '60s')
    .action(
      run(async (session, name: string, options: { lab?: string; timeout: string }) => {
        await hostUp(session, options.lab, name, parseDuration(options.timeout));
      }),
    );
  host
    .command('down')
    .description('end a host and everything on it')
    .argument('<NAME>', 'name of the host')
    .option(...LAB_OPTION)
    .action(
      run(async (session, name: string, options: { lab?: string }) => {
        await hostDown(session, options.lab, name);
      }),
    );

  registerLabServer(lab, run);
};

async function labUp(session: Session, name: string, hosts: number, deadlineMs: number, keep: boolean): Promise<void> {
  const { signal, style } = session;
  const labs = await loadLabs(session);
  await inLab(session, labs, name, hosts, async (lab, progress) => {
    const { state, reason = 'it is not whole' } = await lab.status();
    const isNew = state !== 'running';
    if (state === 'dead') {
      session.remark(
        session.errorStyle.yellow(
          `lab ${name} is dead (${reason}): it is made anew, with nothing of its store, hosts, servers and applications`,
        ),
      );
    }
    const { nodes } = await lab.up(signal);
    const names = nodes.filter(({ kind }) => kind === 'host').map((node) => node.name);
    const finish = async (): Promise<{ readonly api: string }> => {
      const found = await whenReachable(lab, session);
      await session.contexts.put(name, { ...found });
      await finishHosts(session, lab, names, deadlineMs, progress);
      return found;
    };
    const address = await (isNew && !keep ? orClear(session, lab, finish) : finish());
    progress.done();
    session.print(
      style.green(`lab ${name} is up with ${names.length === 0 ? 'no hosts yet' : names.join(', ')}`),
      `  API   ${address.api}/api/v1   (described at ${address.api}/api/docs)`,
      `  CLI   the context "${name}" is in use: try "heddle status"`,
      `  stop  heddle lab down --name ${name}`,
    );
  });
}

/** A lab that was made just now and is of no use is not left behind. */
async function orClear<T>(session: Session, lab: LabPort, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message, code } = toHeddleError(error);
    await lab.down();
    await session.contexts.remove(lab.name);
    if (error instanceof InterruptedError) throw error;
    throw new HeddleError(code, `${message}; the lab was ended again, --keep keeps it to look into it`, {
      cause: error,
    });
  }
}

async function labDown(session: Session, labs: Labs, name: string): Promise<void> {
  await inLab(session, labs, name, undefined, async (lab, progress) => {
    const before = await lab.status();
    await lab.down();
    progress.done();
    await session.contexts.remove(name);
    session.print(before.state === 'absent' ? `there was no lab ${name}` : `lab ${name} is gone`);
  });
}

async function hostUp(session: Session, named: string | undefined, host: string, deadlineMs: number): Promise<void> {
  const labs = await loadLabs(session);
  const labName = await labMeant(session, labs, named);
  await inLab(session, labs, labName, undefined, async (lab, progress) => {
    checkControlPlane(await lab.status());
    await lab.hostUp(host, session.signal);
    await finishHosts(session, lab, [host], deadlineMs, progress);
    progress.done();
    session.print(session.style.green(`host ${host} of lab ${labName} is ready`));
  });
}

async function hostDown(session: Session, named: string | undefined, host: string): Promise<void> {
  const labs = await loadLabs(session);
  const labName = await labMeant(session, labs, named);
  await inLab(session, labs, labName, undefined, async (lab, progress) => {
    await lab.hostDown(host);
    progress.done();
    await forget(session, lab, host);
    session.print(`host ${host} of lab ${labName} is gone`);
  });
}

/** Removing a host is also what gives its address blocks back: the control plane is told that it will not return. */
async function forget(session: Session, lab: LabPort, host: string): Promise<void> {
  const { files, clock } = session.environment;
  const api = await labApi(lab, { files, clock, signal: session.signal });
  if (!api) return;
  try {
    await api.delete(kindInfo('Host'), host);
  } catch (error) {
    const { code, message } = toHeddleError(error);
    if (code !== 'not-found')
      session.remark(session.errorStyle.yellow(`the control plane still lists ${host}: ${message}`));
  } finally {
    api.close();
  }
}

/** Waits until the hosts and the leaf have joined, and meanwhile makes the example image on each host. */
async function finishHosts(
  session: Session,
  lab: LabPort,
  hosts: readonly string[],
  deadlineMs: number,
  progress: LabProgress,
): Promise<void> {
  const { files } = session.environment;
  const { clock, signal } = session;
  const api = await labApi(lab, { files, clock, signal });
  if (!api) throw new HeddleError('state', `lab ${lab.name} does not say how its API is reached`);
  const leaves = (await lab.status()).nodes.filter(
    ({ kind, parts }) => kind === 'leaf' && parts.some((part) => part.name === 'agent'),
  );
  const leafNames = leaves.map(({ name }) => name);
  try {
    await Promise.all([
      waitUntilReady(api, {
        hosts,
        leaves: leafNames,
        deadlineMs,
        clock,
        signal,
        onLook: (lines) => progress.show(lines),
      }),
      ...hosts.map((host) => imageStep(lab, host, session, progress)),
    ]);
  } finally {
    api.close();
  }
}

async function imageStep(lab: LabPort, host: string, { clock }: Session, progress: LabProgress): Promise<void> {
  const started = clock.monotonic();
  const tell = (state: 'started' | 'done' | 'failed'): void =>
    progress.onEvent({ node: host, step: 'make example image', state, ms: clock.monotonic() - started });
  tell('started');
  try {
    await lab.buildDemoImage(host);
    tell('done');
  } catch (error) {
    tell('failed');
    throw error;
  }
}
