import type { Command } from 'commander';
import { parseCount } from '../duration';
import { checkControlPlane, inLab, labMeant, LAB_OPTION, loadLabs } from '../lab/in-lab';
import type { LabServer } from '../lab/port';
import type { Session } from '../session';
import type { Run } from './command';

const MAX_VLAN = 4094;

interface UpOptions {
  readonly lab?: string;
  readonly address: string;
  readonly gateway?: string;
  readonly mac?: string;
  readonly vlan?: string;
}

/** Adds `server up` and `server down` to the command `lab`. */
export function registerLabServer(lab: Command, run: Run): void {
  const server = lab.command('server').description('make and end servers of a lab that Heddle does not run');
  server
    .command('up')
    .description('make a server on a port of the leaf, or nothing when it is there and whole')
    .usage('--address <address> [options] <NAME>')
    .argument('<NAME>', 'name of the server')
    .requiredOption('--address <address>', 'its IPv4 address with the prefix length of the subnet')
    .option('--gateway <address>', 'its default gateway; without it no default route')
    .option('--mac <address>', 'its MAC address; by default one that follows from its address')
    .option('--vlan <id>', 'the VLAN that it tags its frames with; without it untagged')
    .option(...LAB_OPTION)
    .action(
      run(async (session, name: string, options: UpOptions) => {
        const { lab, address, gateway, mac, vlan } = options;
        await serverUp(session, lab, {
          name,
          address,
          ...(gateway === undefined ? {} : { gateway }),
          ...(mac === undefined ? {} : { mac }),
          ...(vlan === undefined ? {} : { vlan: parseCount('VLAN', vlan, 1, MAX_VLAN) }),
        });
      }),
    );
  server
    .command('down')
    .description('end a server')
    .argument('<NAME>', 'name of the server')
    .option(...LAB_OPTION)
    .action(
      run(async (session, name: string, options: { lab?: string }) => {
        await serverDown(session, options.lab, name);
      }),
    );
}

async function serverUp(session: Session, named: string | undefined, server: LabServer): Promise<void> {
  const labs = await loadLabs(session);
  const labName = await labMeant(session, labs, named);
  await inLab(session, labs, labName, undefined, async (lab, progress) => {
    checkControlPlane(await lab.status());
    const { mac, leaf, port, vlan } = await lab.serverUp(server, session.signal);
    progress.done();
    const place = [`leaf: ${leaf}`, `port: ${port}`, ...(vlan === undefined ? [] : [`vlan: ${vlan}`])].join(', ');
    session.print(
      session.style.green(`server ${server.name} of lab ${labName} is up`),
      '  as the spec of an Endpoint:',
      '    endpointKind: baremetal',
      `    mac: "${mac}"`,
      `    addresses: [${server.address.split('/', 1)[0]}]`,
      `    attachment: { driver: static, ${place} }`,
    );
  });
}

async function serverDown(session: Session, named: string | undefined, server: string): Promise<void> {
  const labs = await loadLabs(session);
  const labName = await labMeant(session, labs, named);
  await inLab(session, labs, labName, undefined, async (lab, progress) => {
    await lab.serverDown(server);
    progress.done();
    session.print(`server ${server} of lab ${labName} is gone`);
  });
}
