import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leftovers } from '@heddle/lab';
import { APPS, describeRoot, labName } from './cluster';

const NOTHING = { processes: 0, shims: 0, namespaces: 0, links: 0, mounts: 0, cgroups: 0, folders: 0 };
const LAB = labName('dem');
const PROGRAM = path.resolve(APPS, '..', 'deploy', 'demo.mjs');

interface Run {
  readonly code: number | null;
  readonly lines: readonly string[];
}

describeRoot('npm run demo', () => {
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'heddle-demo-'));
    await demo(['--down']);
  }, 60_000);
  afterAll(async () => {
    await demo(['--down']);
    await rm(home, { recursive: true });
  }, 60_000);

  /**
   * Runs the demo in a lab of its own name, with settings of its own.
   * @param interruptAt it gets a SIGINT when a line begins with this
   */
  function demo(args: readonly string[], interruptAt?: string): Promise<Run> {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { ...process.env, HEDDLE_DEMO_LAB: LAB, HOME: home, XDG_CONFIG_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C reaches the whole group.
      detached: true,
    });
    let output = '';
    let interrupted = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
        if (interruptAt === undefined || interrupted || !output.includes(`\n${interruptAt}`)) return;
        interrupted = true;
        process.kill(-(child.pid as number), 'SIGINT');
      });
    }
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, lines: output.trimEnd().split('\n') }));
    });
  }

  const report = ({ lines }: Run): unknown => JSON.parse(lines.at(-1) ?? '');

  it('goes from nothing to an application whose connections are as its file says; once more finds it in place', async () => {
    const number = expect.any(Number) as number;
    const seconds = { setup: number, labUp: number, apply: number, scale: number, probe: number };
    const first = await demo(['--json']);
    expect({ code: first.code, report: report(first) }).toEqual({
      code: 0,
      // Every pair of 6 containers and then of 9, at the ports that the file names.
      report: { hosts: 3, containers: 9, probes: number, mismatches: 0, seconds },
    });
    expect((report(first) as { probes: number }).probes).toBeGreaterThan(150);
    expect(first.lines.join('\n')).toMatch(/docs +http:\/\/\S+\/api\/docs[^]*stop +npm run demo -- --down/);

    const second = await demo(['--json']);
    expect({ code: second.code, report: report(second) }).toEqual({
      code: 0,
      report: { hosts: 3, containers: 9, probes: number, mismatches: 0, seconds },
    });

    expect((await demo(['--down'])).code).toBe(0);
    expect(await leftovers(LAB)).toEqual(NOTHING);
  }, 180_000);

  it('leaves nothing when it is interrupted', async () => {
    const { code, lines } = await demo([], '== apply');
    expect({ code, gone: lines.some((line) => line.includes('what it had made is gone')) }).toEqual({
      code: 130,
      gone: true,
    });
    expect(await leftovers(LAB)).toEqual(NOTHING);
  }, 120_000);

  it('refuses what it does not know', async () => {
    const { code, lines } = await demo(['--jsn']);
    expect({ code, lines }).toEqual({ code: 2, lines: ['demo: found --jsn; allowed are --json, --keep, --down'] });
  });
});
