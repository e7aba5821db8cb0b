import { HeddleError } from './error';
import { matches, parseSelector } from './selector';

const labels = { tier: 'web', env: 'prod', 'acme.io/team': 'a' };
const selects = (selector: string): boolean => matches(parseSelector(selector), labels);

describe('selectors', () => {
  it.each([
    '',
    'tier=web',
    'tier==web',
    'tier=web,env=prod',
    'env in (test, prod)',
    'env notin (test)',
    'tier',
    '!legacy',
    'legacy!=x',
    'legacy notin (x)',
    'acme.io/team=a',
  ])('"%s" selects', (selector) => {
    expect(selects(selector)).toBe(true);
  });

  it.each([
    'tier=db',
    'tier=web,env=test',
    'env in (test)',
    'env notin (prod, test)',
    'legacy',
    '!tier',
    'tier!=web',
    'legacy=x',
    'constructor',
  ])('"%s" does not', (selector) => {
    expect(selects(selector)).toBe(false);
  });

  it.each(['=web', 'a in b', 'a in (b', 'a=b=c', 'a b', 'a=b,,c=d'])(
    '"%s" is refused with what is allowed',
    (selector) => {
      expect(() => parseSelector(selector)).toThrow(HeddleError);
      expect(() => parseSelector(selector)).toThrow('allowed are key=value');
    },
  );
});
