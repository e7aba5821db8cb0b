import fc from 'fast-check';
import { attachedEndpoint } from '../testing/parts';
import { endpointName, endpointOfPort, portIds } from './port-ids';

const ENDPOINT = attachedEndpoint('e1', '10.32.0.5');

describe('port ids', () => {
  it('carry every fact of an endpoint there and back', () => {
    for (const endpoint of [ENDPOINT, { ...ENDPOINT, allocation: 'acme/shop/web-1' }])
      expect(endpointOfPort(endpoint.port, portIds(endpoint))).toEqual(endpoint);
  });

  it('are no endpoint when one of them is missing', () => {
    const ids = portIds(ENDPOINT);
    for (const key of Object.keys(ids)) {
      const { [key]: _missing, ...rest } = ids;
      expect([key, endpointOfPort('p', rest)]).toEqual([key, undefined]);
    }
  });

  it('are an endpoint only with a link index, a MAC and an IPv4 address that flows can be made of', () => {
    const wrong = fc.oneof(
      fc.record({ 'heddle-link-index': fc.constantFrom('0', '-1', '1.5', '16383', 'x', '') }),
      fc.record({ 'heddle-mac': fc.constantFrom('', '02:48', '02:48:0a:20:00:0g', '02:48:0A:20:00:05:07') }),
      fc.record({ 'heddle-address': fc.constantFrom('', '10.32.0', 'fd00::1', '10.32.0.5/16') }),
    );
    fc.assert(
      fc.property(wrong, (change) => {
        expect(endpointOfPort('p', { ...portIds(ENDPOINT), ...change })).toBeUndefined();
      }),
    );
  });

  it('name an endpoint in the whole cluster', () => {
    expect(endpointName('h1', ENDPOINT)).toBe('docker:h1/e1');
    expect(endpointName('h1', { ...ENDPOINT, allocation: 'acme/shop/web-1' })).toBe('allocation:acme/shop/web-1');
  });
});
