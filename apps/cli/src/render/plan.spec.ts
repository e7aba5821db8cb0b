import fc from 'fast-check';
import { containerSteps, planLines } from './plan';
import { plainStyle } from './style';

const PLAN = {
  changed: [
    { key: 'App/acme/shop', action: 'updated' },
    { key: 'Contract/acme/shop--web--api--http', action: 'deleted' },
  ],
  containers: {
    start: [
      { service: 'acme/shop/web', host: 'h3', reason: 'replaces web-1', replaces: 'acme/shop/web-1' },
      { service: 'acme/shop/web', host: 'h2', reason: 'scale up' },
      { service: 'acme/shop/api', host: 'h1', reason: 'new template', replaces: 'acme/shop/api-1' },
      { service: 'acme/shop/big', reason: '3 hosts have too little memory' },
    ],
    stop: [
      { service: 'acme/shop/web', allocation: 'acme/shop/web-1', host: 'h1', reason: 'h1 is not schedulable' },
      { service: 'acme/shop/api', allocation: 'acme/shop/api-1', host: 'h1', reason: 'new template' },
      { service: 'acme/shop/db', allocation: 'acme/shop/db-1', host: 'h2', reason: 'the service is gone' },
    ],
  },
  paths: {
    opened: [
      { source: 'acme/shop/web', destination: 'acme/shop/db', traffic: 'tcp 5432', origin: 'acme/shop--web--db--sql' },
    ],
    closed: [
      {
        source: 'acme/shop/web',
        destination: 'acme/shop/api',
        traffic: 'tcp 8080',
        origin: 'acme/shop--web--api--http',
      },
    ],
  },
} as const;

describe('planLines', () => {
  it('says what happens to objects, containers and connections', () => {
    expect(planLines(PLAN, plainStyle)).toEqual([
      'Objects',
      '  ~  App/acme/shop                       updated',
      '  -  Contract/acme/shop--web--api--http  deleted',
      '',
      'Containers',
      '  +  acme/shop/web  starts on h2         scale up',
      '  !  acme/shop/big  fits on no host      3 hosts have too little memory',
      '  >  acme/shop/web  moves from h1 to h3  web-1: h1 is not schedulable',
      '  ~  acme/shop/api  is replaced on h1    api-1: new template',
      '  -  acme/shop/db   stops on h2          db-1: the service is gone',
      '',
      'Connections',
      '  +  acme/shop/web  -> acme/shop/db   tcp 5432  acme/shop--web--db--sql',
      '  -  acme/shop/web  -> acme/shop/api  tcp 8080  acme/shop--web--api--http',
      '',
      'Plan: 2 objects to change; containers 1 to start, 1 to stop, 1 to move, 1 to replace, 1 without a host; connections 1 to open, 1 to close.',
    ]);
  });

  it('says when there is nothing to do', () => {
    const nothing = { changed: [], containers: { start: [], stop: [] }, paths: { opened: [], closed: [] } };
    expect(planLines(nothing, plainStyle)).toEqual(['Nothing would change.']);
  });
});

const hostName = fc.constantFrom('h1', 'h2', 'h3');
const service = fc.constantFrom('a/a/x', 'a/a/y');
const stops = fc.uniqueArray(fc.record({ service, allocation: fc.uuid(), host: hostName, reason: fc.constant('r') }), {
  selector: ({ allocation }) => allocation,
});
/** Each start takes the place of a stop, or of none. */
const containers = stops.chain((stop) =>
  fc
    .record({
      pairs: fc.subarray(stop).chain((some) => fc.tuple(...some.map((s) => fc.tuple(fc.constant(s), hostName)))),
      others: fc.array(fc.record({ service, host: fc.option(hostName, { nil: undefined }), reason: fc.constant('r') })),
    })
    .map(({ pairs, others }) => ({
      start: [
        ...pairs.map(([s, host]) => ({ service: s.service, host, reason: 'r', replaces: s.allocation })),
        ...others,
      ],
      stop,
    })),
);

describe('containerSteps', () => {
  it('shows every start and every stop exactly once', () => {
    fc.assert(
      fc.property(containers, (plan) => {
        const steps = containerSteps(plan);
        const pairs = [...steps.moved, ...steps.replaced];
        expect(new Set([...pairs.map((p) => p.start), ...steps.started, ...steps.unplaced])).toEqual(
          new Set(plan.start),
        );
        expect(pairs.length + steps.started.length + steps.unplaced.length).toBe(plan.start.length);
        expect(new Set([...pairs.map((p) => p.stop), ...steps.stopped])).toEqual(new Set(plan.stop));
        expect(pairs.length + steps.stopped.length).toBe(plan.stop.length);
      }),
    );
  });

  it('calls a move what ends on another host, a replacement what stays, and pairs what the plan pairs', () => {
    fc.assert(
      fc.property(containers, (plan) => {
        const { moved, replaced } = containerSteps(plan);
        expect(moved.every(({ stop, start }) => stop.host !== start.host)).toBe(true);
        expect(replaced.every(({ stop, start }) => stop.host === start.host)).toBe(true);
        const pairs = [...moved, ...replaced].map(({ stop, start }) => [start, stop.allocation]);
        expect(new Map(pairs as [unknown, string][])).toEqual(
          new Map(plan.start.flatMap((s) => ('replaces' in s ? [[s, s.replaces]] : []))),
        );
      }),
    );
  });
});
