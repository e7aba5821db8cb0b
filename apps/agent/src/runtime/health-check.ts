import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type Health } from '@heddle/model';
import { healthState, notStarted, type HealthEvent, type HealthState } from '@heddle/rollout';
import type { CheckResult } from './ports';

/** Until the first success checks come at least this often, so that a rollout does not wait for a whole interval. */
const FIRST_INTERVAL_MS = 500;

export interface HealthCheckParts {
  /** Without a check a container is healthy while it runs. */
  readonly config: Health | undefined;
  readonly attempt: (config: Health) => Promise<CheckResult>;
  /** An attempt was judged; `changed` says whether the container became healthy or unhealthy by it. */
  readonly onJudged: (state: HealthState, changed: boolean, detail: string) => void;
  readonly clock: Clock;
}

/** The health of one container, checked again and again while it runs. */
export class HealthCheck {
  private current: HealthState;
  private timer: Timer | undefined;
  /** Counts starts and stops: an attempt that was begun before the last of them says nothing. */
  private life = 0;

  constructor(private readonly parts: HealthCheckParts) {
    this.current = notStarted(parts.clock.now());
  }

  get state(): HealthState {
    return this.current;
  }

  /** The container runs. @param wasHealthy it was healthy when it was last seen, and has not been started anew since */
  start(wasHealthy: boolean): void {
    if (this.current.running) return;
    this.life += 1;
    this.judge({ type: 'started' });
    if (wasHealthy) this.judge({ type: 'probe', ok: true });
    this.schedule();
  }

  stop(): void {
    this.life += 1;
    this.timer?.cancel();
    if (this.current.running) this.judge({ type: 'stopped' });
  }

  private schedule(): void {
    const { config, clock } = this.parts;
    if (!config) return;
    const interval = config.intervalSeconds * 1_000;
    const { life } = this;
    this.timer = clock.after(this.current.healthy ? interval : Math.min(FIRST_INTERVAL_MS, interval), () => {
      void this.check(config).then((result) => {
        if (life !== this.life) return;
        const before = this.current.healthy;
        this.judge({ type: 'probe', ...result });
        this.schedule();
        this.parts.onJudged(this.current, this.current.healthy !== before, result.detail);
      });
    });
  }

  private async check(config: Health): Promise<CheckResult> {
    try {
      return await this.parts.attempt(config);
    } catch (error) {
      return { ok: false, detail: HeddleError.from(error).message };
    }
  }

  private judge(event: HealthEvent): void {
    this.current = healthState(this.parts.config, this.current, event, this.parts.clock.now());
  }
}
