import { HeddleError, kindInfo } from '@heddle/model';
import { UsageError } from '../errors';
import { parseTarget, resolvePath } from './paths';

const SERVICES = ['acme/shop/web', 'acme/shop/api', 'acme/blog/web', 'zeta/shop/db'];
const never = () => Promise.reject(new Error('asked for the list without need'));

function resolve(input: string, tenant?: string, known: () => Promise<readonly string[]> = async () => SERVICES) {
  return resolvePath({ kind: kindInfo('Service'), input, tenant, known });
}

describe('resolvePath', () => {
  it('takes a whole path as it is', async () => {
    await expect(resolve('any/thing/else', undefined, never)).resolves.toBe('any/thing/else');
  });

  it('puts the default tenant before a path that lacks only that', async () => {
    await expect(resolve('shop/web', 'acme', never)).resolves.toBe('acme/shop/web');
  });

  it('finds the only path that ends so', async () => {
    await expect(resolve('api')).resolves.toBe('acme/shop/api');
    await expect(resolve('shop/db')).resolves.toBe('zeta/shop/db');
  });

  it('lists the candidates when several end so', async () => {
    const error = await resolve('web').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toHaveProperty(
      'message',
      '"web" means 2 objects of kind Service; write one of acme/blog/web, acme/shop/web',
    );
  });

  it('does not take a part of a name for a name', async () => {
    await expect(resolve('eb')).rejects.toBeInstanceOf(HeddleError);
  });

  it('lists what there is when nothing ends so', async () => {
    await expect(resolve('cache', 'acme', async () => SERVICES.slice(0, 2))).rejects.toMatchObject({
      code: 'not-found',
      message: 'no Service "cache" in tenant acme; there are acme/shop/api, acme/shop/web',
    });
  });

  it.each(['a/b/c/d', 'shop//web', ''])('refuses %j with the form that is allowed', async (input) => {
    await expect(resolve(input, 'acme', never)).rejects.toThrow('allowed is tenant/application/name');
  });
});

describe('parseTarget', () => {
  it.each([
    [['service', 'web'], 'Service', 'web'],
    [['services'], 'Service', undefined],
    [['Service/acme/shop/web'], 'Service', 'acme/shop/web'],
    [['epgs', 'shop/web'], 'Epg', 'shop/web'],
  ])('reads %j', ([word = '', path], kind, expected) => {
    const target = parseTarget(word, path);
    expect([target.kind.kind, target.path]).toEqual([kind, expected]);
  });

  it('refuses an unknown kind, and a path that is given twice', () => {
    expect(() => parseTarget('pods')).toThrow('found kind "pods"; allowed are tenants, fabrics, domains');
    expect(() => parseTarget('events')).toThrow('found kind "events", but events are no objects; see "heddle events"');
    expect(() => parseTarget('service/web', 'api')).toThrow(UsageError);
  });
});
