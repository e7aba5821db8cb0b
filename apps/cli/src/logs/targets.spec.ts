import { pathOfObject } from '../objects/paths';
import { allocation } from '../testing/cluster';
import { allocationsOf, logTarget } from './targets';

const ALL = [
  allocation('acme/shop/web', '1', 'h1'),
  allocation('acme/shop/web', '2', 'h2'),
  allocation('acme/shop/web', '0', 'h2', 'stop'),
  allocation('acme/shop/api', '1', 'h1'),
];
const paths = (input: string): string[] => allocationsOf(logTarget(input, 'acme', ALL), ALL).map(pathOfObject);

describe('logTarget', () => {
  it('a service stands for its instances that are to run', () => {
    expect(paths('web')).toEqual(['acme/shop/web-1', 'acme/shop/web-2']);
    expect(paths('acme/shop/api')).toEqual(['acme/shop/api-1']);
  });

  it('an allocation stands for itself, also when it is stopping', () => {
    expect(paths('web-0')).toEqual(['acme/shop/web-0']);
  });

  it('says what there is otherwise', () => {
    expect(() => paths('db')).toThrow(
      'no service with containers, or allocation, "db" in tenant acme; there are acme/shop/api',
    );
  });
});
