import path from 'node:path';
import type { Files } from '@heddle/host';
import { HeddleError, ipv4Schema, macSchema } from '@heddle/model';
import * as z from 'zod';
import type { AttachedEndpoint, AttachedMacvlan } from '../../link/protocol';

/** An attached endpoint that is a child of an uplink. */
export type MacvlanEndpoint = AttachedEndpoint & { readonly macvlan: AttachedMacvlan };

/** What is kept of one child. */
export interface MacvlanFact {
  readonly endpoint: MacvlanEndpoint;
  /** The link that it is a child of: the uplink or a VLAN interface of it. */
  readonly parent: string;
}

const macvlanSchema = z.object({
  uplink: z.string().min(1),
  mode: z.enum(['bridge', 'private', 'vepa']),
  tagging: z.enum(['access', 'trunk']),
  vlan: z.number().int().min(1).max(4094),
  sandbox: z.string().optional(),
  shim: z.literal(true).optional(),
});

const endpointSchema = z.object({
  endpointId: z.string().min(1),
  bridgeDomain: z.string().min(1),
  epg: z.string().min(1),
  allocation: z.string().optional(),
  mac: macSchema,
  address: ipv4Schema,
  port: z.string().min(1),
  linkIndex: z.number().int(),
  since: z.string(),
  macvlan: macvlanSchema,
});

const factSchema = z.object({ endpoint: endpointSchema, parent: z.string().min(1) });

const SUFFIX = '.json';

/**
 * What is attached, on the host: once the engine has moved a child into a container it cannot be seen from the host whose it
 * was. One file for each, which is there before the child and goes after it. The folder is of this boot.
 */
export class MacvlanFacts {
  constructor(
    private readonly files: Files,
    private readonly folder: string,
  ) {}

  /** Keeps the facts of an endpoint, and of what else is known of it nothing. On disk when it resolves. */
  put({ endpoint, parent }: MacvlanFact): Promise<void> {
    const facts = { endpoint: endpointSchema.parse(endpoint), parent };
    return this.files.writeAtomic(this.file(endpoint.port), JSON.stringify(facts));
  }

  /** Harmless when there are none. */
  remove(port: string): Promise<void> {
    return this.files.remove(this.file(port));
  }

  async of(port: string): Promise<MacvlanFact | undefined> {
    const file = this.file(port);
    return read(file, await this.files.readText(file));
  }

  /**
   * Every child there is, shims included, in the order of their ports.
   * @throws HeddleError `state` when a file is not what was written: without it others would be decided on wrongly
   */
  async all(): Promise<MacvlanFact[]> {
    const names = (await this.files.list(this.folder)).filter((name) => !name.startsWith('.') && name.endsWith(SUFFIX));
    const found = await Promise.all(names.map((name) => this.of(name.slice(0, -SUFFIX.length))));
    return found.flatMap((fact) => fact ?? []);
  }

  private file(port: string): string {
    return path.join(this.folder, `${port}${SUFFIX}`);
  }
}

function read(file: string, text: string | undefined): MacvlanFact | undefined {
  if (text === undefined) return undefined;
  try {
    return factSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new HeddleError(
      'state',
      `${file} is not what Heddle wrote there: ${HeddleError.from(error).message}; remove it, and start the container anew whose interface it was`,
      { cause: error },
    );
  }
}
