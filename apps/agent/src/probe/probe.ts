import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import type { ProbeObservation, ProbeTarget } from '@heddle/model';

/** Attempts under way at one time: more would only queue in the kernel and blur the time-outs. */
const CONCURRENCY = 64;

type Outcome = Pick<ProbeObservation, 'outcome' | 'detail'>;

/** Tries every target with a real connection from the network namespace that this process is in. */
export async function probeAll(targets: readonly ProbeTarget[], timeoutMs: number): Promise<ProbeObservation[]> {
  const results: ProbeObservation[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < targets.length; i = next++) {
      const target = targets[i] as ProbeTarget;
      const started = performance.now();
      const outcome = await (target.protocol === 'tcp' ? tryTcp(target, timeoutMs) : tryUdp(target, timeoutMs));
      results[i] = { ...target, ...outcome, milliseconds: Math.round((performance.now() - started) * 10) / 10 };
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, targets.length) }, worker));
  return results;
}

/** A refusal comes from the target itself, so it proves that packets go both ways as well as an accepted connection does. */
function outcomeOf(error: NodeJS.ErrnoException): Outcome {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return { outcome: 'open', detail: 'refused by the target' };
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { outcome: 'closed', detail: error.code };
    default:
      return { outcome: 'error', detail: error.message };
  }
}

function tryTcp({ address, port }: ProbeTarget, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    const done = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => done({ outcome: 'closed', detail: 'no answer' }), timeoutMs);
    socket.once('connect', () => done({ outcome: 'open' }));
    socket.once('error', (error: NodeJS.ErrnoException) => done(outcomeOf(error)));
  });
}

/** UDP has no handshake: only an echo or a port-unreachable proves that the path is open. */
function tryUdp({ address, port }: ProbeTarget, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => done({ outcome: 'closed', detail: 'no answer' }), timeoutMs);
    socket.once('message', () => done({ outcome: 'open' }));
    socket.once('error', (error: NodeJS.ErrnoException) => done(outcomeOf(error)));
    socket.connect(port, address, () => socket.send('heddle-probe'));
  });
}
