import path from 'node:path';
import type { Processes } from '@heddle/host';
import type { ProbeObservation, ProbeTarget } from '@heddle/model';

/** The program that runs inside; beside the agent's own, into which this is bundled. */
const PROGRAM = path.join(__dirname, 'probe.js');
const STARTUP_MS = 5_000;

/** Runs probes from inside the network namespace of a process. Nothing of the container's image is needed for it. */
export async function probeFrom(
  processes: Processes,
  pid: number,
  targets: readonly ProbeTarget[],
  timeoutMs: number,
): Promise<ProbeObservation[]> {
  const rounds = Math.ceil(targets.length / 64);
  const { stdout } = await processes.run(['nsenter', `--net=/proc/${pid}/ns/net`, '--', process.execPath, PROGRAM], {
    input: JSON.stringify({ targets, timeoutMs }),
    deadlineMs: STARTUP_MS + rounds * timeoutMs,
  });
  return JSON.parse(stdout) as ProbeObservation[];
}
