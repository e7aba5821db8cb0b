import type { Construct } from 'constructs';
import { TerraformResource } from './tf';

/** A command that runs on this machine: an argument vector, so that no shell reads anything. */
export interface LocalCommand {
  readonly argv: readonly [string, ...string[]];
}

export interface TerraformDataSetConfig {
  /** Key of each instance and what is kept of it in the state; a change of an input replaces that instance. */
  readonly instances: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly onCreate: LocalCommand;
  readonly onDestroy: LocalCommand;
}

/** In a {@link LocalCommand}: the value of an input of the instance in hand. */
export const inputOf = (name: string): string => `\${self.input.${name}}`;

/**
 * A set of `terraform_data` (built into Terraform and OpenTofu, so nothing is fetched) whose provisioners make and remove
 * the things it stands for. One block with `for_each` and not a block for each: Terraform forgets the destroy-time
 * provisioner of a block that is gone, and would remove the resource without removing the thing.
 */
export class TerraformDataSet extends TerraformResource {
  constructor(scope: Construct, id: string, config: TerraformDataSetConfig) {
    super(scope, id, {
      terraformResourceType: 'terraform_data',
      provisioners: [localExec(config.onCreate), { ...localExec(config.onDestroy), when: 'destroy' }],
    });
    this.addOverride('for_each', config.instances);
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { input: '${each.value}', triggers_replace: '${each.value}' };
  }
}

/** Terraform appends `command` to `interpreter`: together they are the argument vector. */
function localExec({ argv }: LocalCommand): { type: 'local-exec'; interpreter: string[]; command: string } {
  return { type: 'local-exec', interpreter: argv.slice(0, -1), command: argv[argv.length - 1] as string };
}
