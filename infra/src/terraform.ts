import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The command line that applies stacks: Terraform or OpenTofu, whichever is on the PATH first in this order. */
export function findTerraform(searchPath = process.env['PATH'] ?? ''): string | undefined {
  for (const name of ['terraform', 'tofu']) {
    for (const directory of searchPath.split(':')) {
      const candidate = path.join(directory, name);
      if (directory !== '' && isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface TerraformRun {
  readonly terraform: string;
  readonly directory: string;
  readonly onLine?: (line: string) => void;
  /** Milliseconds for one command. */
  readonly deadlineMs?: number;
}

/** Brings what the stack describes into being. */
export async function applyStack(run: TerraformRun): Promise<void> {
  await terraform(run, ['init', '-input=false', '-no-color']);
  await terraform(run, ['apply', '-auto-approve', '-input=false', '-no-color']);
}

/** Removes everything that the stack made. */
export async function destroyStack(run: TerraformRun): Promise<void> {
  await terraform(run, ['init', '-input=false', '-no-color']);
  await terraform(run, ['destroy', '-auto-approve', '-input=false', '-no-color']);
}

function terraform(
  { terraform: command, directory, onLine, deadlineMs = 300_000 }: TerraformRun,
  argv: readonly string[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, argv, {
      cwd: directory,
      // The user's own CLI configuration may name mirrors or a credentials helper that this stack does not need.
      env: { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null', CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
    });
    const lines: string[] = [];
    const take = (chunk: Buffer): void => {
      for (const line of chunk.toString().split('\n')) {
        if (line.trim() === '') continue;
        lines.push(line);
        onLine?.(line);
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      const tail = lines.slice(-20).join('\n');
      reject(
        new Error(
          `${path.basename(command)} ${argv[0]} ended with ${signal ?? `status ${code}`} in ${directory}:\n${tail}`,
        ),
      );
    });
  });
}
