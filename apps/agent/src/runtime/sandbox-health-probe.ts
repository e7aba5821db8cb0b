import type { CommandRunner } from '@heddle/host';
import { HeddleError, type Health } from '@heddle/model';
import type { CheckResult } from './ports';

/** Opens connections from inside a container's own network namespace, where no link leads from the host. */
export interface SandboxHealthProbe {
  /**
   * @param sandbox file that the container's network namespace is mounted on
   * @param address of the endpoint itself
   */
  check(sandbox: string, address: string, port: number, health: Health): Promise<CheckResult>;
}

/**
 * What runs inside: the shell of the host, which has little to load. Parameters are the address, the port, and for HTTP the
 * path; nothing from outside is ever part of its text. One line each, as who starts commands takes them.
 */
const CONNECT = 'exec 3<>"/dev/tcp/$1/$2"';
const HEAD = String.raw`GET %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: heddle\r\nConnection: close\r\n\r\n`;
const SKIP_HEADERS = String.raw`while read -r line <&3 && [ "$line" != $'\r' ]; do :; done`;
const GET = [
  `${CONNECT} || exit 1`,
  `printf '${HEAD}' "$3" "$1" "$2" >&3`,
  'while read -r version status rest <&3',
  "do case $version in HTTP/*) ;; *) echo 'what answers does not speak HTTP' >&2; exit 1 ;; esac",
  // Before the final answer there may be others.
  `case $status in 1??) ${SKIP_HEADERS}; continue ;; esac`,
  String.raw`printf %s "${'$'}{status%$'\r'}"`,
  'exit 0',
  'done',
  "echo 'closed without an answer' >&2",
  'exit 1',
].join('; ');

/**
 * Health checks from inside, with the same meaning as those over the link to the host: real connections, to the checked port
 * only. Each costs a shell; nothing of the container's image is needed.
 * @param commands where several checks may wait at a time for containers that do not answer
 */
export const sandboxHealthProbe = (commands: CommandRunner): SandboxHealthProbe => ({
  check: async (sandbox, address, port, { type, path, timeoutSeconds }) => {
    const deadlineMs = timeoutSeconds * 1_000;
    const what = type === 'http' ? path : `port ${port}`;
    const script =
      type === 'http' ? [GET, 'check', address, String(port), path] : [CONNECT, 'check', address, String(port)];
    const argv = ['nsenter', `--net=${sandbox}`, '--', 'bash', '-c', ...script];
    try {
      const { stdout, stderr, code } = await commands.run(argv, { deadlineMs, okCodes: [0, 1] });
      if (code !== 0) return { ok: false, detail: `${what}: ${reason(stderr)}` };
      if (type === 'tcp') return { ok: true, detail: `${what} answers` };
      const status = Number(stdout);
      return { ok: status >= 200 && status < 400, detail: `${what} answers ${stdout}` };
    } catch (error) {
      const { code, message } = HeddleError.from(error);
      const detail = code === 'deadline' ? `${what} does not answer within ${deadlineMs} ms` : `${what}: ${message}`;
      return { ok: false, detail };
    }
  },
});

/** The last that was said, without who said it and where: `check: line 0: connect: Connection refused` comes first. */
function reason(stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last.replace(/^check: (line \d+: )?(\/dev\/tcp\/\S+ )?/, '') || 'it failed without a word';
}
