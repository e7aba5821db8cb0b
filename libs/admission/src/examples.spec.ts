import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bindEndpoint } from '@heddle/policy-engine';
import type { HeddleObject } from '@heddle/model';
import { Cluster } from './testing/cluster';

const EXAMPLES = path.resolve(__dirname, '../../../deploy/examples');
const read = (name: string): string => readFileSync(path.join(EXAMPLES, name), 'utf8');

describe('the examples', () => {
  it.each(readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml')))(
    '%s is admitted, and again changes nothing',
    (name) => {
      const cluster = new Cluster();
      expect(cluster.apply(read(name)).objects).not.toEqual([]);
      expect(cluster.apply(read(name)).objects).toEqual([]);
    },
  );

  it('bind every endpoint that they have to an EPG', () => {
    const cluster = new Cluster();
    cluster.apply(read('fabric.yaml'));
    const all: HeddleObject[] = [...cluster.state.values()];
    const epgs = all.filter((o): o is HeddleObject<'Epg'> => o.kind === 'Epg');
    const endpoints = all.filter((o): o is HeddleObject<'Endpoint'> => o.kind === 'Endpoint');
    const bound = endpoints.map((endpoint) => [endpoint.metadata.name, bindEndpoint(endpoint, epgs)] as const);
    expect(Object.fromEntries(bound)).toEqual({
      primary: { state: 'bound', epg: 'acme/accounts/db', by: 'static binding' },
      standby: { state: 'bound', epg: 'acme/accounts/db', by: 'attributes' },
    });
  });
});
