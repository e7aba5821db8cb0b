import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** What a check says: `true`, or why the service cannot serve now, as a sentence a person can act on. */
export type ReadinessResult = true | string;
export type ReadinessCheck = () => ReadinessResult | Promise<ReadinessResult>;

export interface CheckReport {
  readonly name: string;
  readonly ready: boolean;
  readonly reason?: string;
  /** Shown, but does not keep the service from being ready. */
  readonly advisory?: true;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: readonly CheckReport[];
}

const CHECK_DEADLINE_MS = 2_000;

/** The named conditions under which a service can serve. */
export class Readiness {
  private readonly checks = new Map<string, { check: ReadinessCheck; advisory: boolean }>();

  constructor(private readonly clock: Clock = systemClock) {}

  /**
   * Adds a condition; the same name again replaces it. An advisory one is only reported: a replica that waits for a
   * lease serves reads all the same.
   */
  add(name: string, check: ReadinessCheck, options: { advisory?: boolean } = {}): void {
    this.checks.set(name, { check, advisory: options.advisory ?? false });
  }

  remove(name: string): void {
    this.checks.delete(name);
  }

  async report(): Promise<ReadinessReport> {
    const checks = await Promise.all(
      [...this.checks].map(async ([name, { check, advisory }]): Promise<CheckReport> => {
        const result = await this.run(check);
        return {
          name,
          ready: result === true,
          ...(result === true ? {} : { reason: result }),
          ...(advisory ? { advisory } : {}),
        };
      }),
    );
    return { ready: checks.every((c) => c.ready || c.advisory), checks };
  }

  /** A check that throws or hangs counts as not ready, with that as the reason. */
  private async run(check: ReadinessCheck): Promise<ReadinessResult> {
    let stop = (): void => undefined;
    try {
      return await Promise.race([
        Promise.resolve(check()),
        new Promise<string>((resolve) => {
          const timer = this.clock.after(CHECK_DEADLINE_MS, () => resolve(`no answer within ${CHECK_DEADLINE_MS} ms`));
          stop = () => timer.cancel();
        }),
      ]);
    } catch (error) {
      return HeddleError.from(error).message;
    } finally {
      stop();
    }
  }
}

/** The conditions of several services of one process, each name with its service before it. */
export async function reportAll(
  services: readonly { readonly name: string; readonly readiness: Readiness }[],
): Promise<ReadinessReport> {
  const reports = await Promise.all(services.map(async (s) => ({ name: s.name, report: await s.readiness.report() })));
  return {
    ready: reports.every((r) => r.report.ready),
    checks: reports.flatMap((r) => r.report.checks.map((c) => ({ ...c, name: `${r.name}.${c.name}` }))),
  };
}
