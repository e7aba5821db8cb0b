/** The hosts of the demo: made by the stack in infra/ through terraform or tofu, or directly where there is neither. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ask, heddle, HEDDLE, LAB, ROOT } from './heddle.mjs';

export const HOSTS = ['h1', 'h2', 'h3'];

/** Inside the folder of the lab: what ends the lab from outside also ends Terraform's memory of its hosts. */
export const LAB_FOLDER = path.join('/var/lib/heddle/labs', LAB);
const STACK_FOLDER = path.join(LAB_FOLDER, 'terraform');

const FROM_COMMAND = /^terraform_data\.host\["[^"]+"\] \(local-exec\): (?!Executing:)(.*)$/;
const FROM_TERRAFORM = /^(Plan:|Apply complete|Destroy complete|No changes|Error|│)/;

/** What the hosts report, and where Terraform is; not its account of every resource. */
function show(line) {
  const said = FROM_COMMAND.exec(line)?.[1];
  if (said !== undefined) console.log(said);
  else if (FROM_TERRAFORM.test(line)) console.log(`terraform: ${line}`);
}

/** Makes the hosts that are missing. */
export async function hostsUp() {
  const { findTerraform, synthLab, applyStack, destroyStack } = infra();
  const terraform = findTerraform();
  if (!terraform) {
    console.log('neither terraform nor tofu is on the PATH: the hosts are made directly');
    await Promise.all(HOSTS.map((host) => heddle(['lab', 'host', 'up', '--lab', LAB, host])));
    return;
  }
  const directory = synthLab(STACK_FOLDER, { lab: LAB, hosts: HOSTS, heddle: HEDDLE });
  console.log(`${path.basename(terraform)} makes the hosts of the stack in ${directory}`);
  // Hosts that Terraform remembers and that are not there would not be made again.
  if (hasState(directory) && !(await allRun())) await destroyStack({ terraform, directory, onLine: show });
  await applyStack({ terraform, directory, onLine: show });
}

/** Removes the hosts that Terraform made; `lab down` removes all others, and these too should this fail. */
export async function hostsDown() {
  const directory = path.join(STACK_FOLDER, 'stacks', 'lab');
  if (!hasState(directory)) return;
  const { findTerraform, destroyStack } = infra();
  const terraform = findTerraform();
  if (terraform) await destroyStack({ terraform, directory, onLine: show });
}

const hasState = (directory) => existsSync(path.join(directory, 'terraform.tfstate'));

async function allRun() {
  const { nodes } = await ask(['lab', 'status', '--name', LAB]);
  return HOSTS.every((host) => nodes.some(({ name, state }) => name === host && state === 'running'));
}

/** The stacks are built in the set-up, so they can be loaded only after it. */
function infra() {
  return createRequire(import.meta.url)(path.join(ROOT, 'infra', 'dist', 'index.js'));
}
