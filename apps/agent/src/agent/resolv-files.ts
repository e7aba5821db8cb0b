import path from 'node:path';
import type { Files } from '@heddle/host';
import { HOST_LINK_ADDRESS } from '@heddle/pipeline';
import { resolvConf } from '../attach/dns/zone';

/** The folder below the state folder whose files are mounted into containers. */
export const RESOLV_FOLDER = 'resolv';

/** The resolv.conf of each application's containers, on the disk of the host. */
export class ResolvFiles {
  constructor(
    private readonly files: Files,
    private readonly folder: string,
  ) {}

  /** Path of the application's file, which is there and complete when this resolves. */
  async of(tenant: string, application: string): Promise<string> {
    const file = path.join(this.folder, `${tenant}.${application}.conf`);
    const text = resolvConf(tenant, application, HOST_LINK_ADDRESS);
    if ((await this.files.readText(file)) !== text) await this.files.writeAtomic(file, text, { mode: 0o644 });
    return file;
  }
}
