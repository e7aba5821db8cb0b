import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { synthLab } from './synth';
import { applyStack, destroyStack, findTerraform } from './terraform';

const scratch = (): string => mkdtempSync(path.join(os.tmpdir(), 'heddle-infra-'));

describe('the stack of a lab', () => {
  it('is the same wherever it is made, with no absolute path of the output in it', () => {
    const heddle: [string, string] = ['/usr/bin/node', '/opt/heddle/cli.js'];
    const [a, b] = [scratch(), scratch()].map((dir) =>
      readFileSync(path.join(synthLab(dir, { lab: 'demo', hosts: ['h1', 'h2'], heddle }), 'cdk.tf.json'), 'utf8'),
    ) as [string, string];
    expect(a).toBe(b);
    const json = JSON.parse(a);
    expect(json.resource.terraform_data['host']).toMatchObject({
      for_each: { h1: { lab: 'demo', host: 'h1' }, h2: { lab: 'demo', host: 'h2' } },
      provisioner: [
        {
          'local-exec': {
            interpreter: [...heddle, 'lab', 'host', 'up', '--lab', 'demo'],
            command: '${self.input.host}',
          },
        },
        { 'local-exec': { interpreter: [...heddle, 'lab', 'host', 'down', '--lab', 'demo'], when: 'destroy' } },
      ],
    });
    expect(json.terraform.backend.local.path).toBe('terraform.tfstate');
  });

  const terraform = findTerraform();
  (terraform ? it : it.skip)('adds, keeps and removes hosts by name with the real terraform', async () => {
    const dir = scratch();
    const log = path.join(dir, 'calls.log');
    const recorder = path.join(dir, 'heddle');
    writeFileSync(recorder, `#!/bin/sh\necho "$3 $6" >> ${log}\n`);
    chmodSync(recorder, 0o755);
    const apply = async (...hosts: string[]): Promise<string[]> => {
      writeFileSync(log, '');
      const directory = synthLab(dir, { lab: 'demo', hosts, heddle: [recorder] });
      await applyStack({ terraform: terraform as string, directory });
      return readFileSync(log, 'utf8').split('\n').filter(Boolean).sort();
    };
    expect(await apply('h1', 'h2')).toEqual(['up h1', 'up h2']);
    expect(await apply('h1', 'h2')).toEqual([]);
    expect(await apply('h1', 'h2', 'h3')).toEqual(['up h3']);
    expect(await apply('h1', 'h3')).toEqual(['down h2']);
    writeFileSync(log, '');
    await destroyStack({ terraform: terraform as string, directory: path.join(dir, 'stacks', 'lab') });
    expect(readFileSync(log, 'utf8').split('\n').filter(Boolean).sort()).toEqual(['down h1', 'down h3']);
    rmSync(dir, { recursive: true });
  });

  it('finds no terraform where there is none', () => {
    expect(findTerraform('/nonexistent')).toBeUndefined();
  });
});
