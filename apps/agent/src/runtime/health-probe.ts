import { request } from 'node:http';
import { createConnection } from 'node:net';
import { HOST_LINK_ADDRESS, linkAddress } from '@heddle/pipeline';
import type { CheckResult, HealthProbe } from './ports';

/** Health checks over the link between the host and its endpoints: real connections, on the checked port only. */
export const linkHealthProbe: HealthProbe = {
  check: ({ linkIndex }, port, { type, path, timeoutSeconds }) => {
    const target = { host: linkAddress(linkIndex), port, localAddress: HOST_LINK_ADDRESS };
    const timeoutMs = timeoutSeconds * 1_000;
    return type === 'http' ? checkHttp({ ...target, path }, timeoutMs) : checkTcp(target, timeoutMs);
  },
};

export interface CheckTarget {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
}

/** Whether something accepts a connection. */
export function checkTcp(target: CheckTarget, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = createConnection(target);
    const done = (result: CheckResult): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () => done({ ok: false, detail: `port ${target.port} does not answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.once('connect', () => done({ ok: true, detail: `port ${target.port} answers` }));
    socket.on('error', (error) => done({ ok: false, detail: `port ${target.port}: ${error.message}` }));
  });
}

/** Whether a GET is answered; any status from 200 to 399 counts, as with Marathon. */
export function checkHttp(target: CheckTarget & { readonly path: string }, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const call = request({ ...target, agent: false }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      done({ ok: status >= 200 && status < 400, detail: `${target.path} answers ${status}` });
    });
    const done = (result: CheckResult): void => {
      clearTimeout(timer);
      call.destroy();
      resolve(result);
    };
    const timer = setTimeout(
      () => done({ ok: false, detail: `${target.path} does not answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    call.on('error', (error) => done({ ok: false, detail: `${target.path}: ${error.message}` }));
    call.end();
  });
}
