import { request } from 'node:http';
import { createConnection } from 'node:net';
import { HOST_LINK_ADDRESS, linkAddress } from '@heddle/pipeline';
import type { HealthProbe } from './ports';

/** Health checks over the link between the host and its endpoints: real connections, on the checked port only. */
export const linkHealthProbe: HealthProbe = {
  check: (linkIndex, port, http, timeoutMs) => {
    const to = { host: linkAddress(linkIndex), port, localAddress: HOST_LINK_ADDRESS };
    return http ? checkHttp({ ...to, path: http.path }, timeoutMs) : checkTcp(to, timeoutMs);
  },
};

interface Target {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
}
type Result = { ok: boolean; detail: string };

function checkTcp(to: Target, timeoutMs: number): Promise<Result> {
  return new Promise((resolve) => {
    const socket = createConnection(to);
    const done = (result: Result): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () => done({ ok: false, detail: `port ${to.port} does not answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.once('connect', () => done({ ok: true, detail: `port ${to.port} answers` }));
    socket.once('error', (error) => done({ ok: false, detail: `port ${to.port}: ${error.message}` }));
  });
}

/** Any answer from 200 to 399 counts, as with Marathon. */
function checkHttp(to: Target & { path: string }, timeoutMs: number): Promise<Result> {
  return new Promise((resolve) => {
    const call = request({ ...to, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      done({ ok: status >= 200 && status < 400, detail: `${to.path} answers ${status}` });
    });
    const done = (result: Result): void => {
      clearTimeout(timer);
      call.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () => done({ ok: false, detail: `${to.path} does not answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    call.on('error', (error) => done({ ok: false, detail: `${to.path}: ${error.message}` }));
    call.end();
  });
}
