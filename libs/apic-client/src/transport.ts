import http from 'node:http';
import https from 'node:https';
import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  /** With its query, beginning with a slash. */
  readonly path: string;
  readonly body?: string;
  readonly cookie?: string;
}
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Requests at one time to one controller; an APIC is not made for many. */
const MAX_SOCKETS = 4;
/** More than any page of answers has. */
const MAX_ANSWER = 64 * 1024 * 1024;

/**
 * HTTP to one controller: connections that stay, a deadline for each request from its first byte to the last of the answer.
 */
export class Transport {
  private readonly agent: http.Agent;
  private readonly base: URL;

  /** @param ca certificates that the controller is checked by, PEM; those of the system without it */
  constructor(
    readonly controller: string,
    readonly ca: string | undefined,
    private readonly options: { readonly clock: Clock; readonly deadlineMs: number },
  ) {
    this.base = new URL(controller);
    const settings = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.agent =
      this.base.protocol === 'https:'
        ? new https.Agent({ ...settings, ...(ca === undefined ? {} : { ca }) })
        : new http.Agent(settings);
  }

  /** @throws HeddleError `unavailable` when the controller cannot be reached or breaks off; `deadline` */
  send({ method, path, body, cookie }: HttpCall): Promise<HttpAnswer> {
    const { clock, deadlineMs } = this.options;
    return new Promise((resolve, reject) => {
      const fail = (error: HeddleError): void => {
        timer.cancel();
        reject(error);
        request.destroy();
      };
      const broken = (error: Error): void =>
        fail(
          new HeddleError('unavailable', `${this.controller} cannot be reached: ${reasonOf(error)}`, { cause: error }),
        );
      const secure = this.base.protocol === 'https:';
      const request = (secure ? https : http).request({
        agent: this.agent,
        host: this.base.hostname.replace(/^\[|\]$/g, ''),
        port: this.base.port || (secure ? 443 : 80),
        method,
        path,
        headers: {
          ...(cookie === undefined ? {} : { cookie }),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      });
      const timer = clock.after(deadlineMs, () =>
        fail(new HeddleError('deadline', `${this.controller} did not answer within ${deadlineMs} ms`)),
      );
      request.on('error', broken);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', broken);
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER)
            fail(new HeddleError('limit', `${this.controller} answered with more than ${MAX_ANSWER} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          timer.cancel();
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** `ECONNREFUSED`, or the words of TLS; never what was sent. */
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^E[A-Z]+$/.test(code) ? code : error.message;
}
