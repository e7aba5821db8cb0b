/**
 * Names inside a container. The domain is `heddle`; `api.shop.acme.heddle` are the healthy instances of the service `api` of
 * the application `shop` of the tenant `acme`, and `instances.api.shop.acme.heddle` names the instances explicitly.
 */
export const DOMAIN = 'heddle';

/** Resolver settings of a container: short names are completed with its application, then with its tenant. */
export function resolvConf(tenant: string, application: string, nameserver: string): string {
  // Up to two dots (`instances.api.shop`) a name is tried with the search list first.
  return [
    `nameserver ${nameserver}`,
    `search ${application}.${tenant}.${DOMAIN} ${tenant}.${DOMAIN}`,
    'options ndots:3',
    '',
  ].join('\n');
}

export type Answer =
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  /** The name does not exist. */
  | { readonly type: 'nxdomain' }
  /** Not ours: outside names are not answered. */
  | { readonly type: 'refused' };

/**
 * Answers a name for an asker of a tenant. Pure. Names of other tenants do not exist for it.
 * @param names `tenant/application/service` to addresses of healthy instances
 */
export function resolve(names: ReadonlyMap<string, readonly string[]>, tenant: string, name: string): Answer {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  if (labels.at(-1) !== DOMAIN) return { type: 'refused' };
  const parts = labels.slice(0, -1);
  const [service, application, owner] =
    parts.length === 4 && parts[0] === 'instances' ? parts.slice(1) : parts.length === 3 ? parts : [];
  if (service === undefined || owner !== tenant) return { type: 'nxdomain' };
  const addresses = names.get(`${owner}/${application}/${service}`);
  return addresses ? { type: 'addresses', addresses } : { type: 'nxdomain' };
}
