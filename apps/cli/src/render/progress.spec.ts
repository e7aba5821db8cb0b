import { FakeTerminal } from '../testing/fake-terminal';
import { Progress } from './progress';

describe('Progress', () => {
  it('writes over its block on a terminal', () => {
    const terminal = new FakeTerminal({ tty: true, columns: 80 });
    const progress = new Progress(terminal);
    progress.update(['policy 1 of 2', 'web 0/3']);
    progress.update(['policy 1 of 2', 'web 0/3']);
    progress.update(['policy 2 of 2', 'web 3/3']);
    expect(terminal.err).toBe('policy 1 of 2\nweb 0/3\n\x1b[2A\x1b[0Jpolicy 2 of 2\nweb 3/3\n');
  });

  it('keeps a line within the terminal, so that the block is as high as it has lines', () => {
    const terminal = new FakeTerminal({ tty: true, columns: 10 });
    new Progress(terminal).update(['0123456789']);
    expect(terminal.err).toBe('01234567…\n');
  });

  it('writes only what is new where nothing can be written over', () => {
    const terminal = new FakeTerminal();
    const progress = new Progress(terminal);
    progress.update(['policy 1 of 2', 'web 0/3']);
    progress.update(['policy 1 of 2', 'web 3/3']);
    expect(terminal.err).toBe('policy 1 of 2\nweb 0/3\nweb 3/3\n');
  });
});
