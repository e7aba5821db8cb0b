import { once } from 'node:events';
import { HeddleError } from '@heddle/model';
import type { Response } from 'express';

export interface StreamedAnswer<T> {
  readonly contentType: string;
  /** Begins the stream. It ends when the signal aborts, which is when the client has gone. */
  readonly open: (signal: AbortSignal) => AsyncIterable<T>;
  readonly format: (item: T) => string;
  /** Says at the end of the stream why it is not whole. */
  readonly formatError: (error: HeddleError) => string;
  /** Sent when nothing else was for a while, so that nobody on the way takes the connection for dead. */
  readonly idle?: { readonly text: string; readonly everyMs: number };
  /** Answer at once, before the first item. */
  readonly eager?: boolean;
}

/**
 * Sends items as they come. What goes wrong before the first one is thrown and becomes an ordinary error answer. A slow
 * client slows the source down; one that leaves ends it.
 */
export async function streamTo<T>(response: Response, answer: StreamedAnswer<T>): Promise<void> {
  // An iterator that waits for its next item can only be ended from outside, hence the signal.
  const leaving = new AbortController();
  const onClose = (): void => leaving.abort(new HeddleError('unavailable', 'the client has gone'));
  response.once('close', onClose);
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    if (response.headersSent || leaving.signal.aborted) return;
    response.status(200).setHeader('content-type', answer.contentType);
    response.setHeader('x-accel-buffering', 'no');
    response.flushHeaders();
    const { idle } = answer;
    if (idle) timer = setInterval(() => response.write(idle.text), idle.everyMs);
  };
  try {
    if (answer.eager) begin();
    for await (const item of answer.open(leaving.signal)) {
      if (leaving.signal.aborted) return;
      begin();
      const room = response.write(answer.format(item));
      timer?.refresh();
      if (!room) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    begin();
  } catch (error) {
    if (leaving.signal.aborted) return;
    if (!response.headersSent) throw error;
    response.write(answer.formatError(HeddleError.from(error)));
  } finally {
    clearInterval(timer);
    response.off('close', onClose);
    leaving.abort();
    if (response.headersSent) response.end();
  }
}
