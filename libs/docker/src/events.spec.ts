import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { EngineEvent } from './engine';
import { eventFrom, eventLoop } from './events';

describe('the event loop', () => {
  it('drops a flood for one resync, in bounded memory', async () => {
    const body = new PassThrough();
    const controller = new AbortController();
    const line = (id: number): string =>
      `${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: String(id), Attributes: {} }, timeNano: 1 })}\n`;
    const events = eventLoop(
      { open: async () => ({ body: body as unknown as IncomingMessage, cancel: () => body.destroy() }) },
      controller.signal,
      { maxQueued: 10 },
    );
    expect((await events.next()).value).toEqual({ kind: 'resync', reason: 'connected' });
    body.write(Array.from({ length: 25 }, (_, i) => line(i)).join(''));
    while (body.readableLength > 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    const seen: EngineEvent[] = [];
    for (let i = 0; i < 5; i++) seen.push((await events.next()).value as EngineEvent);
    expect(seen[0]).toEqual({ kind: 'resync', reason: 'overflow' });
    expect(seen.slice(1).map((e) => (e.kind === 'container' ? e.id : e.kind))).toEqual(['21', '22', '23', '24']);
    controller.abort();
    body.destroy();
    await events.return();
  });
});

describe('an event', () => {
  it('that is not JSON counts as a broken stream', () => {
    expect(() => eventFrom('{"Type":')).toThrow('that is not JSON');
  });

  it('without what it needs is none', () => {
    expect(eventFrom('{}')).toBeUndefined();
    expect(eventFrom('{"Type":"container","Action":"start"}')).toBeUndefined();
    expect(eventFrom('{"Type":"image","Action":"start","Actor":{"ID":"x"}}')).toBeUndefined();
  });
});
