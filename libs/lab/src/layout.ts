import path from 'node:path';
import { checkSocketPath, type EngineDirs } from '@heddle/docker';

/** The folders under which all labs of a machine keep their things. */
export interface LabRoots {
  /** What is kept: records, databases, container layers, logs. */
  readonly state: string;
  /** Sockets and pid files. */
  readonly run: string;
}

export const DEFAULT_ROOTS: LabRoots = { state: '/var/lib/heddle/labs', run: '/run/heddle/labs' };

/** The paths of one lab. */
export class LabLayout {
  readonly state: string;
  readonly run: string;
  /** The API of the control plane, reachable from every network namespace. */
  readonly apiSocket: string;
  /** Where the forwarder writes the TCP port it listens on. */
  readonly portFile: string;

  constructor(roots: LabRoots, lab: string) {
    this.state = path.join(roots.state, lab);
    this.run = path.join(roots.run, lab);
    this.apiSocket = socketPath(path.join(this.run, 'api.sock'));
    this.portFile = path.join(this.run, 'api.port');
  }

  /** Folder of the nodes' records; its entries are the names of the nodes. */
  get nodes(): string {
    return path.join(this.state, 'nodes');
  }

  node(name: string): NodeLayout {
    return new NodeLayout(path.join(this.nodes, name), path.join(this.run, name));
  }
}

/** The paths of one node of a lab: of the leaf, of the control plane or of a host. */
export class NodeLayout {
  readonly record: string;
  readonly parts: string;
  readonly logs: string;
  /** For the node's own processes. */
  readonly data: string;
  readonly hostConfig: string;
  readonly seedFile: string;
  readonly ovsDatabase: string;
  readonly ovsRun: string;
  readonly ovsSocket: string;
  readonly engine: EngineDirs;
  readonly attachSocket: string;
  readonly agentSocket: string;

  constructor(
    readonly state: string,
    readonly run: string,
  ) {
    this.record = path.join(state, 'node.json');
    this.parts = path.join(state, 'parts');
    this.logs = path.join(state, 'logs');
    this.data = path.join(state, 'data');
    this.hostConfig = path.join(state, 'host.json');
    this.seedFile = path.join(state, 'nats.seed');
    this.ovsDatabase = path.join(state, 'ovs.db');
    this.ovsRun = path.join(run, 'ovs');
    this.ovsSocket = socketPath(path.join(this.ovsRun, 'db.sock'));
    const execRoot = path.join(run, 'engine');
    this.engine = {
      base: state,
      dataRoot: path.join(state, 'engine'),
      execRoot,
      socket: socketPath(path.join(run, 'docker.sock')),
      pidFile: path.join(run, 'engine.pid'),
      containerdPidFile: path.join(execRoot, 'containerd', 'containerd.pid'),
      // As the engine sees them: its holder has mounted its own there.
      run: '/run',
      plugins: '/run/docker/plugins',
      etc: '/etc/docker',
    };
    this.attachSocket = socketPath(path.join(run, 'attach.sock'));
    this.agentSocket = socketPath(path.join(run, 'agent.sock'));
    // The longest that the daemons make in here by themselves.
    socketPath(path.join(execRoot, 'containerd', 'containerd-debug.sock'));
    socketPath(path.join(this.ovsRun, 'ovs-vswitchd.4194304.ctl'));
  }

  partRecord(part: string): string {
    return path.join(this.parts, `${part}.json`);
  }

  log(part: string): string {
    return path.join(this.logs, `${part}.log`);
  }
}

/** @throws HeddleError `invalid` when the path is too long for a Unix socket */
function socketPath(file: string): string {
  checkSocketPath(file);
  return file;
}
