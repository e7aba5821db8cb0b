import { FakeApic } from './fake-apic';

interface Answer {
  readonly status: number;
  readonly body: {
    readonly totalCount: string;
    readonly subscriptionId?: string;
    readonly imdata: readonly Record<string, { attributes: Record<string, string>; children?: object[] }>[];
  };
}

describe('the stand-in for an APIC', () => {
  let apic: FakeApic;
  let cookie: string;

  const ask = async (method: string, path: string, body?: object, as: string = cookie): Promise<Answer> => {
    const answer = await fetch(`${apic.first.url}/api/${path}`, {
      method,
      headers: { cookie: as },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  };
  const post = (dn: string, body: object): Promise<Answer> => ask('POST', `mo/${dn}.json`, body);
  const get = (path: string): Promise<Answer> => ask('GET', path);
  const errorOf = ({ status, body }: Answer): unknown[] => [status, ...Object.values(body.imdata[0]?.['error']?.attributes ?? {})]; // prettier-ignore
  const dns = ({ body }: Answer): unknown[] =>
    body.imdata.map((element) => Object.values(element)[0]?.attributes['dn']);

  beforeEach(async () => {
    apic = await FakeApic.start();
    const login = await ask(
      'POST',
      'aaaLogin.json',
      { aaaUser: { attributes: { name: 'heddle', pwd: 'secret' } } },
      '',
    );
    const { token, refreshTimeoutSeconds } = login.body.imdata[0]?.['aaaLogin']?.attributes ?? {};
    expect(refreshTimeoutSeconds).toBe('300');
    cookie = `APIC-cookie=${token}`;
  });
  afterEach(() => apic.stop());

  it('wants a valid token for everything but a login', async () => {
    expect(errorOf(await ask('GET', 'class/fvTenant.json', undefined, ''))).toEqual([
      403, '403', expect.stringContaining('Need a valid webtoken cookie'),
    ]); // prettier-ignore
    expect(errorOf(await ask('GET', 'class/fvTenant.json', undefined, 'APIC-cookie=x'))).toEqual([
      403, '403', 'Token was invalid (Error: Token timeout)',
    ]); // prettier-ignore
    const wrong = { aaaUser: { attributes: { name: 'heddle', pwd: 'x' } } };
    expect(errorOf(await ask('POST', 'aaaLogin.json', wrong, ''))[0]).toBe(401);
    const refreshed = await get('aaaRefresh.json');
    expect(refreshed.body.imdata[0]?.['aaaLogin']?.attributes['token']).toBeTruthy();
  });

  it('merges what is posted, and makes relations that come with their source', async () => {
    const tree = { fvTenant: { attributes: {}, children: [{ fvBD: { attributes: { name: 'b' } } }] } };
    expect((await post('uni/tn-a', tree)).status).toBe(200);
    await post('uni/tn-a', { fvTenant: { attributes: { descr: 'mine' } } });
    expect(dns(await get('mo/uni/tn-a.json?query-target=subtree'))).toEqual([
      'uni/tn-a',
      'uni/tn-a/BD-b',
      'uni/tn-a/BD-b/rsctx',
    ]);
    expect(apic.get('uni/tn-a')?.attributes).toMatchObject({ name: 'a', descr: 'mine' });
    await ask('DELETE', 'mo/uni/tn-a/BD-b/rsctx.json');
    expect(apic.get('uni/tn-a/BD-b/rsctx')?.attributes['tnFvCtxName']).toBe('');
    await post('uni/tn-a', { fvTenant: { attributes: { status: 'deleted' } } });
    expect(dns(await get('class/fvBD.json'))).toEqual([]);
    expect((await ask('DELETE', 'mo/uni/tn-a.json')).status).toBe(200);
  });

  it('does a transaction as a whole or not at all', async () => {
    const refused = async (attributes: object, children: object[] = []): Promise<unknown[]> =>
      errorOf(await post('uni/tn-a', { fvTenant: { attributes, children } }));
    const ap = { fvAp: { attributes: { name: 'x' } } };
    expect(await refused({}, [ap, { fvFoo: { attributes: {} } }])).toEqual([400, '122', 'unknown managed object class fvFoo']);
    expect((await refused({}, [ap, { fvAEPg: { attributes: { name: 'e' } } }]))[2]).toContain('Cannot contain child: fvAEPg under parent: fvTenant');
    expect((await refused({}, [ap, { fvAp: { attributes: {} } }]))[2]).toContain('naming property name of fvAp is missing');
    expect((await refused({}, [ap, { fvAp: { attributes: { name: 'b c' } } }]))[2]).toContain("failed validation for value 'b c'");
    expect((await refused({ speed: '1' }, [ap]))[2]).toContain('unknown attribute speed');
    expect((await refused({ status: 'modified' }))).toEqual([400, '102', 'configured object ((Dn0)) not found Dn0=uni/tn-a, ']);
    expect(errorOf(await post('uni/tn-none/ap-x', { fvAp: { attributes: {} } }))[1]).toBe('102');
    expect(errorOf(await post('uni/xx-a', { fvTenant: { attributes: {} } }))[2]).toContain('wrong rn prefix xx-a at position 1');
    expect(errorOf(await post('uni/tn-a', { fvTenant: { name: 'a' } }))[2]).toContain('incomplete node');
    expect(apic.get('uni/tn-a')).toBeUndefined();
    await post('uni/tn-a', { fvTenant: { attributes: {} } });
    expect((await refused({ status: 'created' }))[1]).toBe('103');
  }); // prettier-ignore

  it('lets a relation name what is not there', async () => {
    const epg = {
      fvAEPg: { attributes: { name: 'e' }, children: [{ fvRsProv: { attributes: { tnVzBrCPName: 'later' } } }] },
    };
    const answer = await post('uni/tn-a', { fvTenant: { attributes: {}, children: [{ fvAp: { attributes: { name: 'p' }, children: [epg] } }] } }); // prettier-ignore
    expect(answer.status).toBe(200);
    expect(apic.get('uni/tn-a/ap-p/epg-e/rsprov-later')).toBeDefined();
  });

  it('answers queries by class and by name, filtered, in order and in pages', async () => {
    for (const name of ['b', 'a', 'c']) apic.change(`uni/tn-${name}`, { fvTenant: { attributes: { descr: name === 'a' ? 'x' : '' } } }); // prettier-ignore
    expect(dns(await get('class/fvTenant.json?order-by=fvTenant.name|desc'))).toEqual(['uni/tn-c', 'uni/tn-b', 'uni/tn-a']); // prettier-ignore
    const paged = await get('class/fvTenant.json?order-by=fvTenant.dn&page=1&page-size=2');
    expect([dns(paged), paged.body.totalCount]).toEqual([['uni/tn-c'], '3']);
    const filtered = (filter: string): Promise<Answer> => get(`class/fvTenant.json?query-target-filter=${encodeURIComponent(filter)}`); // prettier-ignore
    expect(dns(await filtered('eq(fvTenant.descr,"x")'))).toEqual(['uni/tn-a']);
    expect(dns(await filtered('and(ne(fvTenant.descr,"x"),wcard(fvTenant.name,"b"))'))).toEqual(['uni/tn-b']);
    expect(errorOf(await filtered('eq(fvTenant.descr)'))[1]).toBe('107');
    expect(errorOf(await get('class/fvFoo.json'))[2]).toBe('Request failed, unresolved class for fvFoo');
    expect((await get('mo/uni/tn-none.json')).body).toEqual({ totalCount: '0', imdata: [] });
  });

  it('shows subtrees nested, and of properties those that can be configured', async () => {
    apic.change('uni/tn-a', { fvTenant: { attributes: {}, children: [{ fvBD: { attributes: { name: 'b' } } }] } });
    const { body } = await get('mo/uni/tn-a.json?rsp-subtree=full&rsp-prop-include=config-only');
    expect(body.imdata).toEqual([
      {
        fvTenant: {
          attributes: { dn: 'uni/tn-a', name: 'a', annotation: '', descr: '', nameAlias: '' },
          children: [
            {
              fvBD: {
                attributes: expect.objectContaining({ rn: 'BD-b', arpFlood: 'no' }),
                children: [{ fvRsCtx: { attributes: expect.objectContaining({ rn: 'rsctx' }) } }],
              },
            },
          ],
        },
      },
    ]);
    expect((await get('mo/uni/tn-a.json')).body.imdata[0]?.['fvTenant']?.attributes).toHaveProperty('lcOwn');
  });

  it('shows well-known ports by name', async () => {
    const entry = {
      vzEntry: { attributes: { name: 'e', etherT: 'ip', prot: 'tcp', dFromPort: '80', dToPort: '8080' } },
    };
    apic.change('uni/tn-a', { fvTenant: { attributes: {}, children: [{ vzFilter: { attributes: { name: 'f' }, children: [entry] } }] } }); // prettier-ignore
    expect(apic.get('uni/tn-a/flt-f/e-e')?.attributes).toMatchObject({ dFromPort: 'http', dToPort: '8080' });
  });

  it('lets subscriptions be refreshed until they expire', async () => {
    const { subscriptionId } = (await get('class/fvTenant.json?subscription=yes')).body;
    expect((await get(`subscriptionRefresh.json?id=${subscriptionId}`)).status).toBe(200);
    apic.first.subscriptions.expireAll();
    expect((await get(`subscriptionRefresh.json?id=${subscriptionId}`)).status).toBe(400);
  });
});
