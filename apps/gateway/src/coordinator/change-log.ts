import type { Clock } from '@heddle/host';
import {
  FencedStream,
  follow,
  subjects,
  type StorePort,
  type StreamPort,
  type StreamRecord,
  type Term,
} from '@heddle/messaging';
import type { Change, LoggedChange } from '@heddle/model';
import type { ChangeLogPort, ChangeWriter } from './change-log-port';

const NAME = 'CHANGES';
const EPOCH = subjects.epochRecord(NAME);

export async function openChangeLog(
  store: StorePort,
  clock: Clock,
  options: { create: boolean },
): Promise<ChangeLogPort> {
  const stream = await store.stream(
    { name: NAME, description: 'Desired state.', subjects: [subjects.allRecords(NAME)] },
    options,
  );
  return new StreamLog(stream, clock);
}

const decode = (r: StreamRecord): LoggedChange => ({
  ...(JSON.parse(Buffer.from(r.data).toString('utf8')) as Change),
  position: r.sequence,
});

class StreamLog implements ChangeLogPort {
  constructor(
    private readonly stream: StreamPort,
    private readonly clock: Clock,
  ) {}
  async lastPosition(): Promise<number> {
    const { lastSequence } = await this.stream.state();
    for (let i = lastSequence; i > 0; i--) {
      const r = await this.stream.get(i);
      if (r && r.subject !== EPOCH) return i;
    }
    return 0;
  }
  async get(position: number): Promise<LoggedChange | undefined> {
    const r = await this.stream.get(position);
    return r && r.subject !== EPOCH ? decode(r) : undefined;
  }
  async find(changeId: string): Promise<LoggedChange | undefined> {
    const r = await this.stream.last(subjects.record(NAME, changeId));
    return r && decode(r);
  }
  async *read(from: number, to: number): AsyncIterable<LoggedChange> {
    for (let i = from; i <= to; i++) {
      const c = await this.get(i);
      if (c) yield c;
    }
  }
  follow(o: { after: number; signal: AbortSignal; onChange: (c: LoggedChange) => void }): Promise<void> {
    return follow(this.stream, {
      from: o.after + 1,
      signal: o.signal,
      clock: this.clock,
      onRecord: (r) => {
        if (r.subject !== EPOCH) o.onChange(decode(r));
      },
    });
  }
  async write(term: Term): Promise<ChangeWriter> {
    const writer = await FencedStream.open({ stream: this.stream, term, epochSubject: EPOCH, clock: this.clock });
    const base = await this.lastPosition();
    return {
      base,
      get nextPosition() {
        return writer.lastSequence + 1;
      },
      append: (change) =>
        writer.append({ subject: subjects.record(NAME, change.changeId), data: Buffer.from(JSON.stringify(change)) }),
      close: () => writer.close(),
    };
  }
}
