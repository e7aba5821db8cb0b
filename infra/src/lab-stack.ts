import type { Construct } from 'constructs';
import { inputOf, TerraformDataSet } from './terraform-data';
import { LocalBackend, TerraformOutput, TerraformStack } from './tf';

export interface LabStackConfig {
  /** Name of a lab that is up: its fabric and control plane exist, its hosts are made here. */
  readonly lab: string;
  readonly hosts: readonly string[];
  /** How to call the command line: `['/usr/bin/node', '/path/to/heddle']`. */
  readonly heddle: readonly [string, ...string[]];
}

/** The hosts of a lab, one instance each: growing adds, shrinking removes the named host and no other. */
export class LabStack extends TerraformStack {
  constructor(scope: Construct, id: string, config: LabStackConfig) {
    super(scope, id);
    // A relative path: the output is the same wherever it is made.
    new LocalBackend(this, { path: 'terraform.tfstate' });
    new TerraformDataSet(this, 'host', {
      instances: Object.fromEntries(config.hosts.map((host) => [host, { lab: config.lab, host }])),
      onCreate: { argv: [...config.heddle, 'lab', 'host', 'up', '--lab', config.lab, inputOf('host')] },
      onDestroy: { argv: [...config.heddle, 'lab', 'host', 'down', '--lab', config.lab, inputOf('host')] },
    });
    new TerraformOutput(this, 'hosts', { value: [...config.hosts] });
  }
}
