import fc from 'fast-check';
import { explainHost, explainRefusal } from './explain';
import { place } from './place';
import { MI, arbitraryDemands, arbitraryHosts, demand, host } from './testing/arbitraries';

describe('explainHost', () => {
  it('gives every reason against a host, with the amounts', () => {
    const h = host('h1', {
      ready: false,
      schedulable: false,
      domains: ['fabric'],
      zone: 'a',
      allocated: { cpu: 3.95, memory: 4090 * MI },
      instances: { 'acme/shop/web': 1 },
    });
    const constraints = [
      { attribute: 'zone', operator: '!=', value: 'a' },
      { attribute: 'label.disk', operator: '=', value: 'ssd' },
    ] as const;
    const explanation = explainHost({ hosts: [h] }, demand({ constraints }), 'h1');
    expect(explanation.refusals).toEqual([
      { reason: 'host-not-ready', detail: 'it is not ready: nothing has been heard from it lately' },
      { reason: 'not-schedulable', detail: 'an operator closed it for new instances (spec.schedulable: false)' },
      {
        reason: 'domain-missing',
        detail: 'the EPG attaches through the domain "default"; this host realises fabric',
      },
      {
        reason: 'constraint',
        detail: 'zone != a is asked for; found a; label.disk = ssd is asked for; found no such attribute',
      },
      { reason: 'insufficient-cpu', detail: '0.1 cores asked for; 0.05 cores of 4 cores free' },
      { reason: 'insufficient-memory', detail: '64 MiB of memory asked for; 6 MiB of 4 GiB free' },
    ]);
    expect(explanation.scores).toEqual({ reliability: 1, hostSpread: 0.5, zoneSpread: 0.5, leastAllocated: 0 });
  });

  it('agrees with what was placed', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryDemands, (hosts, [first]) => {
        if (!first) return;
        const [placement] = place({ hosts }, [first]);
        const explanations = hosts.map((h) => explainHost({ hosts }, first, h.name));
        const open = explanations.filter((e) => e.refusals.length === 0);
        if (placement?.host === undefined) expect(open).toEqual([]);
        else expect(open.find((e) => e.host === placement.host)?.scores).toEqual(placement.scores);
        const counts: Record<string, number> = {};
        for (const e of explanations)
          if (e.refusals[0]) counts[e.refusals[0].reason] = (counts[e.refusals[0].reason] ?? 0) + 1;
        expect(placement?.refused).toEqual(counts);
      }),
    );
  });

  it('names the hosts there are when asked for another', () => {
    expect(() => explainHost({ hosts: [host('h1')] }, demand(), 'h9')).toThrow('there is no host "h9"; there are h1');
  });
});

describe('explainRefusal', () => {
  it('speaks of one and of many', () => {
    expect(explainRefusal(demand({ resources: { cpu: 1, memory: 1.5 * 1024 * MI } }), { 'insufficient-cpu': 1 })).toBe(
      'no host can take an instance of acme/shop/web (1 core, 1.5 GiB): of 1 host, 1 has less than 1 core free',
    );
    expect(explainRefusal(demand(), { 'domain-missing': 2, 'host-not-ready': 3 })).toContain(
      'of 5 hosts, 3 are not ready, 2 cannot realise the domain "default"',
    );
  });

  it('says of one host why it cannot realise the domain', () => {
    const without = (name: string) =>
      host(name, { domains: [], domainProblems: { lan: 'has no uplink "fabric"; it has none' } });
    const wanted = demand({ domain: 'lan' });
    const hosts = [host('h1', { ready: false }), without('h3'), without('h2')];
    expect(place({ hosts }, [wanted])[0]).toMatchObject({
      reason: expect.stringContaining(
        'of 3 hosts, 1 is not ready, 2 cannot realise the domain "lan" (h2 has no uplink "fabric"; it has none)',
      ),
    });
    expect(explainHost({ hosts }, wanted, 'h2').refusals).toEqual([
      {
        reason: 'domain-missing',
        detail: 'the EPG attaches through the domain "lan"; this host has no uplink "fabric"; it has none',
      },
    ]);
  });
});
