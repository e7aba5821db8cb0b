import fc from 'fast-check';
import { chooseVictims, type Liveness, type VictimCandidate } from './victims';

const HOSTS = new Map<string, { state: Liveness }>([
  ['h1', { state: 'ready' }],
  ['h2', { state: 'ready' }],
  ['h3', { state: 'suspect' }],
  ['h4', { state: 'lost' }],
]);
const candidate = (name: string, host: string, over: Partial<VictimCandidate> = {}): VictimCandidate => ({
  name,
  host,
  running: true,
  healthy: true,
  createdAt: 0,
  ...over,
});
const names = (victims: readonly VictimCandidate[]): string[] => victims.map((v) => v.name);

describe('chooseVictims', () => {
  it('takes lost hosts first, then silent ones, then what does not run, then what is unhealthy', () => {
    const candidates = [
      candidate('healthy', 'h1'),
      candidate('unhealthy', 'h1', { healthy: false }),
      candidate('pending', 'h2', { running: false, healthy: false }),
      candidate('silent', 'h3'),
      candidate('unknown', 'h9', { createdAt: -1 }),
      candidate('lost', 'h4'),
    ];
    const order = ['lost', 'silent', 'unknown', 'pending', 'unhealthy', 'healthy'];
    for (let n = 0; n <= order.length + 1; n++) {
      expect(names(chooseVictims(candidates, n, HOSTS))).toEqual(order.slice(0, n));
    }
  });

  it('takes from the host that has most, youngest first', () => {
    const candidates = [
      candidate('a1', 'h1', { createdAt: 1 }),
      candidate('a2', 'h1', { createdAt: 2 }),
      candidate('a3', 'h1', { createdAt: 3 }),
      candidate('b9', 'h2', { createdAt: 9 }),
    ];
    expect(names(chooseVictims(candidates, 4, HOSTS))).toEqual(['a3', 'a2', 'b9', 'a1']);
  });

  it('counts the instances that were chosen for another reason as gone', () => {
    const candidates = [
      candidate('a1', 'h1', { running: false }),
      candidate('a2', 'h1'),
      candidate('b1', 'h2'),
      candidate('b2', 'h2'),
    ];
    expect(names(chooseVictims(candidates, 2, HOSTS))).toEqual(['a1', 'b2']);
  });

  const arbitraryCandidates = fc
    .array(
      fc.record({
        host: fc.constantFrom('h1', 'h2', 'h3', 'h4'),
        running: fc.boolean(),
        healthy: fc.boolean(),
        createdAt: fc.nat({ max: 5 }),
      }),
      { maxLength: 25, size: 'max' },
    )
    .map((all) => all.map((c, i) => ({ ...c, name: `i${i}` })));

  it('chooses as many as asked for, each once, whatever the order, and more is a continuation of fewer', () => {
    fc.assert(
      fc.property(
        arbitraryCandidates.chain((c) => fc.tuple(fc.constant(c), fc.shuffledSubarray(c, { minLength: c.length }))),
        fc.nat({ max: 30 }),
        ([candidates, shuffled], n) => {
          const victims = names(chooseVictims(candidates, n, HOSTS));
          expect(victims).toHaveLength(Math.min(n, candidates.length));
          expect(new Set(victims).size).toBe(victims.length);
          expect(names(chooseVictims(shuffled, n, HOSTS))).toEqual(victims);
          expect(names(chooseVictims(candidates, n + 1, HOSTS)).slice(0, n)).toEqual(victims);
        },
      ),
    );
  });

  it('leaves an even spread of equals: hosts differ by at most one more than before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 5 }), fc.nat({ max: 40 }), (sizes, n) => {
        const hosts = new Map(sizes.map((_, i) => [`h${i}`, { state: 'ready' as const }]));
        const all = sizes.flatMap((size, i) =>
          Array.from({ length: size }, (_, k) => candidate(`h${i}-${k}`, `h${i}`)),
        );
        const gone = new Set(names(chooseVictims(all, n, hosts)));
        const left = sizes.map((_, i) => all.filter((c) => c.host === `h${i}` && !gone.has(c.name)).length);
        const most = Math.max(...left);
        // A host that lost an instance had the most then, so it has at most one less than the fullest now.
        left.forEach((count, i) => {
          if (count < (sizes[i] ?? 0)) expect(count).toBeGreaterThanOrEqual(most - 1);
        });
      }),
    );
  });
});
