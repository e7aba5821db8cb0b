import { API_VERSION, splitPath, type HeddleObject, type Kind, type Specs } from '@heddle/model';

/** An object as admission would leave it; its uid is derived from its key unless one is given. */
export function build<K extends Kind>(
  kind: K,
  path: string,
  spec: Specs[K],
  uid = `uid-${kind}-${path}`,
): HeddleObject<K> {
  return {
    apiVersion: API_VERSION,
    kind,
    metadata: { ...splitPath(kind, path), labels: {}, annotations: {}, uid, revision: 1, generation: 1 },
    spec,
  };
}

export const tenant = (name: string): HeddleObject<'Tenant'> =>
  build('Tenant', name, { network: { gateway: '10.32.0.1/16' } });

export const vrf = (path: string, enforcement: 'enforced' | 'unenforced' = 'enforced'): HeddleObject<'Vrf'> =>
  build('Vrf', path, { enforcement });

export const bridgeDomain = (path: string, gateway: string, vrfName = 'default'): HeddleObject<'BridgeDomain'> =>
  build('BridgeDomain', path, { vrf: vrfName, subnets: [{ gateway }] });

export const epg = (path: string, spec: Partial<Specs['Epg']> = {}, uid?: string): HeddleObject<'Epg'> =>
  build(
    'Epg',
    path,
    {
      bridgeDomain: 'default',
      domain: 'default',
      provides: [],
      consumes: [],
      isolation: 'unenforced',
      staticBindings: [],
      ...spec,
    },
    uid,
  );

type Entry = Specs['Filter']['entries'][number];

export const filter = (path: string, ...entries: Partial<Entry>[]): HeddleObject<'Filter'> =>
  build('Filter', path, {
    entries: entries.map((entry, i) => ({ name: `e${i}`, etherType: 'ip', protocol: 'unspecified', ...entry })),
  });

export const port = (from: number, to = from): { from: number; to: number } => ({ from, to });

export const contract = (
  path: string,
  subjects: Partial<Specs['Contract']['subjects'][number]>[],
  scope: Specs['Contract']['scope'] = 'vrf',
): HeddleObject<'Contract'> =>
  build('Contract', path, {
    scope,
    subjects: subjects.map((subject, i) => ({ name: `s${i}`, filters: [], action: 'permit', ...subject })),
  });

/** Tenant `acme` with its VRF and bridge domain `default`. */
export const ACME: readonly HeddleObject[] = [
  tenant('acme'),
  vrf('acme/default'),
  bridgeDomain('acme/default', '10.32.0.1/16'),
];

/** web -> api on tcp 8080, api -> db on tcp 5432, one application. */
export const SHOP: readonly HeddleObject[] = [
  ...ACME,
  filter('acme/http', { protocol: 'tcp', destinationPorts: port(8080) }),
  filter('acme/sql', { protocol: 'tcp', destinationPorts: port(5432) }),
  contract('acme/http', [{ filters: ['http'] }]),
  contract('acme/sql', [{ filters: ['sql'] }]),
  epg('acme/shop/web', { consumes: ['http'] }),
  epg('acme/shop/api', { provides: ['http'], consumes: ['sql'] }),
  epg('acme/shop/db', { provides: ['sql'] }),
];
