import { request } from 'node:http';
import { readFile } from 'node:fs/promises';
import { imageTar } from '@heddle/docker';

/** One call of the Docker Engine's API on a Unix socket; the parsed answer, whatever its status. */
export function callEngine(
  socketPath: string,
  method: string,
  path: string,
  body?: Buffer | object,
): Promise<{ status: number; body: unknown }> {
  const isRaw = Buffer.isBuffer(body);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: { 'content-type': isRaw ? 'application/x-tar' : 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            body: text.startsWith('{') || text.startsWith('[') ? lastJson(text) : text,
          });
        });
      },
    );
    call.once('error', reject);
    call.setTimeout(20_000, () => call.destroy(new Error(`${method} ${path}: no answer in 20 s`)));
    call.end(body === undefined || isRaw ? body : JSON.stringify(body));
  });
}

/** Starts a container that only sleeps, without a network, from an image made of busybox alone. Returns its id. */
export async function startSleeper(socketPath: string): Promise<string> {
  const image = 'lab-test/sleeper';
  const content = await readFile('/bin/busybox');
  const layer = imageTar([{ path: 'bin/busybox', type: 'file', content, mode: 0o755 }]);
  await expectStatus(200, callEngine(socketPath, 'POST', `/images/create?fromSrc=-&repo=${image}`, layer));
  const created = await expectStatus(
    201,
    callEngine(socketPath, 'POST', '/containers/create', {
      Image: image,
      Cmd: ['/bin/busybox', 'sleep', '600'],
      HostConfig: { NetworkMode: 'none' },
    }),
  );
  const id = (created as { Id: string }).Id;
  await expectStatus(204, callEngine(socketPath, 'POST', `/containers/${id}/start`));
  return id;
}

async function expectStatus(status: number, call: Promise<{ status: number; body: unknown }>): Promise<unknown> {
  const answer = await call;
  if (answer.status !== status) throw new Error(`the engine answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The engine reports progress as one JSON value a line. */
function lastJson(text: string): unknown {
  const lines = text.trim().split('\n');
  return JSON.parse(lines.length > 1 ? (lines.at(-1) ?? '') : text);
}
