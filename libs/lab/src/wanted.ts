import { HeddleError } from '@heddle/model';
import type { LabHostSpec } from './host-config';
import { checkNodeName, hostNames } from './names';
import type { LabOptions } from './options';
import { checkServer, type LabServerSpec } from './server-spec';

/** A host or a server that a lab is to have. */
export type Wanted =
  { readonly kind: 'host'; readonly spec: LabHostSpec } | { readonly kind: 'server'; readonly spec: LabServerSpec };

/** @throws HeddleError `invalid` */
export function wantedHost(host: string | LabHostSpec): Wanted {
  const spec = typeof host === 'string' ? { name: host } : host;
  checkNodeName('host', spec.name);
  return { kind: 'host', spec };
}

/** @throws HeddleError `invalid` */
export function wantedServer(server: LabServerSpec): Wanted {
  return { kind: 'server', spec: checkServer(server) };
}

/** What the options of a lab ask for. @throws HeddleError `invalid`, when a name is there twice as well */
export function wantedNodes({ hosts = [], servers = [] }: Pick<LabOptions, 'hosts' | 'servers'>): Wanted[] {
  const listed = typeof hosts === 'number' ? hostNames(hosts) : hosts;
  const wanted = [...listed.map(wantedHost), ...servers.map(wantedServer)];
  const names = wanted.map(({ spec }) => spec.name);
  const twice = wanted.find(({ spec }, i) => names.indexOf(spec.name) !== i);
  if (twice) throw new HeddleError('invalid', `the lab ${twice.kind} ${twice.spec.name} is listed twice`);
  return wanted;
}
