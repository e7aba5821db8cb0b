import type { Events } from '@heddle/messaging';
import type { EventFact, LoggedChange } from '@heddle/model';
import type { Log } from '@heddle/service';
import { eventFacts } from '../coordinator/event-facts';

/** Facts that wait to be told at a time; beyond that they are left out. */
const MAX_WAITING = 50_000;

/**
 * Tells what accepted changes made happen, in their order and behind their backs: nobody waits for it, and a fact that
 * cannot be told is left out with a word in the log. The log of changes has it all the same.
 */
export class EventAnnouncer {
  private readonly waiting: EventFact[] = [];
  private telling = false;

  constructor(
    private readonly events: () => Promise<Events>,
    private readonly log: Log,
  ) {}

  announce(change: LoggedChange): void {
    const facts = eventFacts(change);
    if (this.waiting.length + facts.length > MAX_WAITING) {
      this.log.warn({ position: change.position, facts: facts.length }, 'too many events wait; these are left out');
      return;
    }
    this.waiting.push(...facts);
    if (!this.telling) void this.tell();
  }

  private async tell(): Promise<void> {
    this.telling = true;
    try {
      for (let fact = this.waiting.shift(); fact; fact = this.waiting.shift()) {
        await (await this.events()).emit(fact);
      }
    } catch (error) {
      this.log.warn({ err: error, facts: this.waiting.length + 1 }, 'events were not told');
      this.waiting.length = 0;
    } finally {
      this.telling = false;
    }
  }
}
