import type { ProbeEntry } from '../api/types';
import { mismatchCount, probeLines } from './probe';
import { plainStyle } from './style';

const peer = (service: string, id: string, host: string) => ({
  allocation: `acme/shop/${service}-${id}`,
  epg: `acme/shop/${service}`,
  host,
  address: '10.32.0.7',
});

function entry(
  from: string,
  to: string,
  expected: 'open' | 'closed',
  observed: ProbeEntry['observed'] = expected,
): ProbeEntry {
  return {
    source: peer(from, '1', 'h1'),
    destination: peer(to, '2', 'h2'),
    protocol: 'tcp',
    port: to === 'db' ? 5432 : 8080,
    expected,
    observed,
    milliseconds: 2,
    ...(observed === 'error' ? { detail: 'the container is gone' } : {}),
    ...(expected === 'open' ? { rule: 'acme/shop--web--api--http' } : {}),
  };
}

describe('probeLines', () => {
  it('shows a matrix of what is open and closed', () => {
    const results = [
      entry('web', 'api', 'open'),
      entry('web', 'api', 'open'),
      entry('web', 'db', 'closed'),
      entry('api', 'db', 'open'),
    ];
    expect(probeLines({ results, mismatches: 0, missing: [] }, plainStyle)).toEqual([
      'what the policy expects, and how many connections were observed to be so:',
      'FROM \\ TO  api tcp/8080  db tcp/5432',
      'api        -             open 1',
      'web        open 2        closed 1',
      '',
      '4 connections tried, all as the policy says',
    ]);
  });

  it('names every mismatch', () => {
    const results = [
      entry('web', 'api', 'open', 'error'),
      entry('web', 'api', 'open'),
      entry('web', 'db', 'closed', 'open'),
    ];
    expect(probeLines({ results, mismatches: 2, missing: [] }, plainStyle)).toEqual([
      'what the policy expects, and how many connections were observed to be so:',
      'FROM \\ TO  api tcp/8080  db tcp/5432',
      'web        open 1/2!     closed 0/1!',
      '',
      'Mismatches',
      '  web-1 (h1) -> api-2 10.32.0.7 (h2) tcp 8080: expected open by acme/shop--web--api--http, observed error: the container is gone',
      '  web-1 (h1) -> db-2 10.32.0.7 (h2) tcp 5432: expected closed, observed open',
      '',
      '3 connections tried, 2 mismatches',
    ]);
  });

  it('never counts fewer mismatches than it sees', () => {
    expect(mismatchCount({ results: [entry('web', 'db', 'closed', 'open')], mismatches: 0, missing: [] })).toBe(1);
    expect(mismatchCount({ results: [], mismatches: 3, missing: [] })).toBe(3);
  });
});
