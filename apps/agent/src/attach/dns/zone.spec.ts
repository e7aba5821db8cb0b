import { resolve, resolvConf } from './zone';

const NAMES = new Map([
  ['acme/shop/api', ['10.32.0.5', '10.32.0.6']],
  ['acme/shop/ill', []],
  ['acme/shop/instances', ['10.32.0.9']],
  ['blue/shop/api', ['10.99.0.1']],
]);
const found = (...addresses: string[]) => ({ type: 'addresses', addresses });

describe('the zone', () => {
  it.each([
    ['api.shop.acme.heddle', found('10.32.0.5', '10.32.0.6')],
    ['API.Shop.acme.HEDDLE.', found('10.32.0.5', '10.32.0.6')],
    ['instances.api.shop.acme.heddle', found('10.32.0.5', '10.32.0.6')],
    ['instances.shop.acme.heddle', found('10.32.0.9')],
    ['ill.shop.acme.heddle', found()],
    ['none.shop.acme.heddle', { type: 'nxdomain' }],
    ['other.api.shop.acme.heddle', { type: 'nxdomain' }],
    ['shop.acme.heddle', { type: 'nxdomain' }],
    ['heddle', { type: 'nxdomain' }],
    ['api.shop.blue.heddle', { type: 'nxdomain' }],
    ['example.org', { type: 'refused' }],
    ['heddle.org', { type: 'refused' }],
    ['', { type: 'refused' }],
    ['.', { type: 'refused' }],
  ])('answers "%s" for a container of acme', (name, expected) => {
    expect(resolve(NAMES, 'acme', name)).toEqual(expected);
  });

  it('has short names completed by the container itself, with names of up to two dots tried in the search list first', () => {
    expect(resolvConf('acme', 'shop', '169.254.1.1')).toBe(
      'nameserver 169.254.1.1\nsearch shop.acme.heddle acme.heddle\noptions ndots:3\n',
    );
  });
});
