import { endpointPath, isWrittenEndpoint, writtenEndpointId } from './endpoint-path';

describe('the path of an endpoint', () => {
  it.each([
    ['allocation:acme/shop/web-1a2b', 'h1', 'acme/shop/web-1a2b'],
    ['docker:h1/0123456789abcdef0123', 'h1', 'acme/shop/h1-0123456789ab'],
    ['shim:h1/acme/shop/web', 'h1', 'acme/shop/web--shim--h1'],
    ['endpoint:acme/other/vm1', 'h1', 'acme/other/vm1'],
  ])('%s on %s is %s', (id, host, path) => {
    expect(endpointPath({ id, host, epg: 'acme/shop/web' })).toBe(path);
  });

  it('is that of the object, wherever it is and whatever it is bound to', () => {
    const id = writtenEndpointId('acme/shop/vm1');
    expect(endpointPath({ id })).toBe('acme/shop/vm1');
    expect([id, 'allocation:acme/shop/web-1'].map((each) => isWrittenEndpoint({ id: each }))).toEqual([true, false]);
  });
});
