import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { LabStack, type LabStackConfig } from './lab-stack';
import { App } from './tf';

/**
 * Writes the stack of a lab as Terraform JSON below `outdir` and returns the directory to run Terraform in. Earlier output
 * is removed, the state is kept.
 */
export function synthLab(outdir: string, config: LabStackConfig): string {
  const directory = path.join(outdir, 'stacks', 'lab');
  mkdirSync(directory, { recursive: true });
  for (const entry of readdirSync(directory)) {
    if (entry.endsWith('.tf.json')) rmSync(path.join(directory, entry));
  }
  const app = new App({ outdir, skipValidation: false });
  new LabStack(app, 'lab', config);
  app.synth();
  return directory;
}
