import { took } from '../render/age';
import { Progress } from '../render/progress';
import type { Style } from '../render/style';
import type { Terminal } from '../terminal';
import type { LabProgressEvent } from './port';

/** Shows a lab coming up: on a terminal one line a node with its present step, elsewhere a line for each step done. */
export class LabProgress {
  private readonly block: Progress;
  private readonly lines = new Map<string, string>();

  constructor(
    private readonly terminal: Terminal,
    private readonly style: Style,
  ) {
    this.block = new Progress(terminal);
  }

  readonly onEvent = ({ node = 'lab', step, state, ms = 0 }: LabProgressEvent): void => {
    const { style } = this;
    const name = node.padEnd(5);
    const end = state === 'failed' ? style.red('failed') : style.dim(took(ms));
    if (this.terminal.errIsTty) {
      this.lines.set(node, `${name} ${step}${state === 'started' ? ' …' : ` ${end}`}`);
      this.block.update([...this.lines.values()]);
    } else if (state !== 'started') {
      this.terminal.writeError(`${name} ${step} ${end}\n`);
    }
  };

  /** Lines below those of the nodes. */
  show(lines: readonly string[]): void {
    if (this.terminal.errIsTty) this.block.update([...this.lines.values(), ...lines]);
    else this.block.update(lines);
  }

  done(): void {
    this.block.done();
    this.lines.clear();
  }
}
