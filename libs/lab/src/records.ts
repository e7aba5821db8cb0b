import { HeddleError } from '@heddle/model';
import { HashedFile, type Files, type Loaded, type ProcessIdentity } from '@heddle/host';
import type { LabHostSpec } from './host-config';
import type { NodeLayout } from './layout';
import type { LabServerSpec } from './server-spec';

const VERSION = 2;

export type NodeKind = 'leaf' | 'control' | 'host' | 'server';

/** The processes that make up a lab. */
export type PartName =
  /** The door from outside to the control plane's socket. */
  | 'forwarder'
  | 'server'
  | 'ovsdb'
  | 'vswitchd'
  /** Owns a host's mount namespace, so that it outlives the engine. */
  | 'holder'
  | 'attach'
  | 'engine'
  | 'agent'
  | RunName;

/** A process that somebody else wanted to have in a node, and that the node is whole without. */
export type RunName = `run-${string}`;

export const isRun = (part: string): part is RunName => part.startsWith('run-');

/** What is written down of a node before anything of it is made, and again when it is whole. */
export interface NodeRecord {
  readonly version: typeof VERSION;
  readonly name: string;
  readonly kind: NodeKind;
  /** `starting` without a living process that starts it means that the start was cut off. */
  readonly phase: 'starting' | 'up';
  /** Inode of its network namespace, to tell it from a later one of the same name. */
  readonly netnsInode?: number;
  /** For a host: its place in the underlay's address range. */
  readonly index?: number;
  /** Of a host, and of the leaf. */
  readonly spec?: LabHostSpec;
  readonly server?: LabServerSpec;
}

/** One process that was started. */
export interface PartRecord {
  readonly version: typeof VERSION;
  readonly part: PartName;
  readonly identity: ProcessIdentity;
  readonly argv: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** A socket (or other file) that is there as long as the part does its work. */
  readonly socket?: string;
}

export type NewRecord<T> = Omit<T, 'version'>;

/** The records of one node on the disk. */
export class NodeRecords {
  constructor(
    private readonly files: Files,
    private readonly layout: NodeLayout,
  ) {}

  loadNode(): Promise<Loaded<NodeRecord>> {
    return new HashedFile(this.files, this.layout.record, (json) => parse<NodeRecord>(json)).load();
  }

  async saveNode(record: NewRecord<NodeRecord>): Promise<void> {
    const file = new HashedFile<NodeRecord>(this.files, this.layout.record, (json) => parse<NodeRecord>(json));
    await file.save({ version: VERSION, ...record });
  }

  /** Changes a record that must be there. @throws HeddleError `state` when it is not, or is damaged */
  async updateNode(change: Partial<NewRecord<NodeRecord>>): Promise<void> {
    const { version: _, ...record } = required(await this.loadNode(), this.layout.record);
    await this.saveNode({ ...record, ...change });
  }

  loadPart(part: string): Promise<Loaded<PartRecord>> {
    return new HashedFile(this.files, this.layout.partRecord(part), (json) => parse<PartRecord>(json)).load();
  }

  async savePart(record: NewRecord<PartRecord>): Promise<void> {
    const file = this.layout.partRecord(record.part);
    await new HashedFile<PartRecord>(this.files, file, (json) => parse<PartRecord>(json)).save({
      version: VERSION,
      ...record,
    });
  }

  async removePart(part: PartName): Promise<void> {
    await this.files.remove(this.layout.partRecord(part));
  }

  /** Names of the parts that were ever started here. */
  async parts(): Promise<PartName[]> {
    return (await this.files.list(this.layout.parts))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length) as PartName);
  }
}

/** The value of a record that must be there. @throws HeddleError `state` */
export function required<T>(loaded: Loaded<T>, what: string): T {
  if (loaded.state === 'ok') return loaded.value;
  const why = loaded.state === 'absent' ? 'is not there' : `is damaged: ${loaded.reason}`;
  throw new HeddleError('state', `the record ${what} ${why}`);
}

/** The hash of the file vouches for the form; only its version can be another one's. */
function parse<T extends { version: typeof VERSION }>(json: unknown): T {
  const version = typeof json === 'object' && json !== null && 'version' in json ? json.version : undefined;
  if (version !== VERSION) throw new Error(`it is of version ${String(version)}, this program writes ${VERSION}`);
  return json as T;
}
