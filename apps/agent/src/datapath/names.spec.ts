import { distributed } from '../testing/parts';
import { namesOf } from './names';

describe('namesOf', () => {
  it('leads to the healthy instances of each service, in an order that does not depend on who came first', () => {
    const endpoints = [
      distributed('1', { addresses: ['10.32.1.9'] }),
      distributed('2', { addresses: ['10.32.1.5'] }),
      distributed('3', { epg: 'blue/shop/api', addresses: ['10.32.1.7'] }),
      distributed('4', { epg: 'acme/shop/other', service: 'web', addresses: ['10.32.1.8'] }),
    ];
    const names = {
      'acme/shop/api': ['10.32.1.5', '10.32.1.9'],
      'blue/shop/api': ['10.32.1.7'],
      'acme/shop/web': ['10.32.1.8'],
    };
    expect(namesOf(endpoints)).toEqual(names);
    expect(namesOf(endpoints.reverse())).toEqual(names);
  });

  it('keeps the name of a service whose instances are all unhealthy or without an address', () => {
    expect(namesOf([distributed('1', { healthy: false }), distributed('2', { addresses: [] })])).toEqual({
      'acme/shop/api': [],
    });
  });

  it('leads nowhere over IPv6, which the name server has no answers for', () => {
    const six = distributed('1', { addresses: ['fd00::7'] });
    const both = distributed('2', { addresses: ['fd00::8', '10.32.1.8'] });
    expect(namesOf([six, both])).toEqual({ 'acme/shop/api': ['10.32.1.8'] });
  });

  it('has none for what is no instance of a service', () => {
    const { service: _none, ...anonymous } = distributed('1');
    expect(namesOf([anonymous])).toEqual({});
  });
});
