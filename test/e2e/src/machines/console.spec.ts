import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { MachineConsole, quote } from './console';

/** Plays the virtual machine: gets each line, and says what it likes. */
class FakeMachine {
  readonly lines: string[] = [];
  private socket: Socket | undefined;
  onLine: (line: string) => void = () => undefined;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.socket = socket;
      // The other end may close while there is something left to read here.
      socket.on('error', () => socket.destroy());
      createInterface({ input: socket }).on('line', (line) => {
        this.lines.push(line);
        this.onLine(line);
      });
    });
  }

  static async listen(file: string): Promise<FakeMachine> {
    const server = createServer();
    const machine = new FakeMachine(server);
    await new Promise<void>((resolve) => server.listen(file, resolve));
    return machine;
  }

  say(line: string): void {
    this.socket?.write(`${line}\n`);
  }

  end(): void {
    this.socket?.destroy();
    this.server.close();
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const nothingWrong = (): void => undefined;

describe('the console of a virtual machine', () => {
  let folder: string;
  let machine: FakeMachine;
  let opened: MachineConsole;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'console-'));
    const file = path.join(folder, 'console');
    const opening = MachineConsole.open(file, { name: 'vm', deadlineMs: 5_000, check: nothingWrong });
    machine = await FakeMachine.listen(file);
    opened = await opening;
  });
  afterEach(async () => {
    opened.close();
    machine.end();
    await rm(folder, { recursive: true });
  });

  it('is ready when the machine says so, and not before', async () => {
    await expect(opened.ready(50, nothingWrong)).rejects.toMatchObject({ code: 'deadline' });
    const ready = opened.ready(5_000, nothingWrong);
    machine.say('[    0.5] something of the kernel');
    machine.say('ready');
    await ready;
  });

  it('ends the wait when what is looked at says that it is of no use', async () => {
    const gone = (): never => {
      throw new Error('the emulator ended');
    };
    await expect(opened.ready(5_000, gone)).rejects.toThrow('the emulator ended');
  });

  it('brings answers to their commands, in whatever order they come', async () => {
    machine.onLine = (line) => {
      if (!line.startsWith('2 ')) return;
      machine.say(`2 0 ${base64('second')}`);
      machine.say('7 0 nobody asked');
      machine.say(`1 3 ${base64('first\n')}`);
    };
    const answers = await Promise.all([opened.exec(['one', 'a b'], 5_000), opened.exec(['two'], 5_000)]);
    expect(answers).toEqual([
      { code: 3, output: 'first\n' },
      { code: 0, output: 'second' },
    ]);
    expect(machine.lines).toEqual(["1 one $'a b'", '2 two']);
  });

  it('gives up on an answer that does not come, and on all when the machine ends', async () => {
    await expect(opened.exec(['sleep', '1'], 50)).rejects.toMatchObject({ code: 'deadline' });
    const underWay = opened.exec(['sleep', '9'], 5_000);
    machine.end();
    await expect(underWay).rejects.toMatchObject({ code: 'unavailable' });
    await expect(opened.exec(['true'], 5_000)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a quoted word', () => {
  it('stays one word in one line, and has no character that means something', () => {
    expect(['/bin/ls', '', 'a b', "it's", 'a\nb', '$x', 'é'].map(quote)).toEqual([
      '/bin/ls',
      "$''",
      "$'a b'",
      "$'it\\x27s'",
      "$'a\\x0ab'",
      "$'\\x24x'",
      "$'\\xc3\\xa9'",
    ]);
  });
});
