import { HeddleError } from '@heddle/model';
import { JsonRpcError } from '../jsonrpc/session';
import { requestError, transactionError } from './errors';

const OPERATIONS = [
  { op: 'wait', table: 'Bridge' },
  { op: 'insert', table: 'Port' },
];

describe('errors of the OVS database', () => {
  it('finds none in a transaction that went well', () => {
    expect(transactionError([{}, { uuid: ['uuid', 'a'] }], OPERATIONS)).toBeUndefined();
  });

  it('names the operation that failed', () => {
    const error = transactionError([{ error: 'timed out', details: '"wait" timed out' }, null], OPERATIONS);
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('operation 0 (wait Bridge)') });
  });

  it('names the commit when the operations were right', () => {
    const results = [{}, {}, { error: 'referential integrity violation', details: 'no such row' }];
    expect(transactionError(results, OPERATIONS)).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('commit'),
    });
  });

  it('tells a race about a unique name from a value that is wrong', () => {
    const race = {
      error: 'constraint violation',
      details: 'Transaction causes multiple rows in "Port" table to have identical values',
    };
    expect(transactionError([{}, {}, race], OPERATIONS)).toMatchObject({ code: 'conflict' });
    const wrong = { error: 'constraint violation', details: '70000 is not in the valid range' };
    expect(transactionError([{}, wrong], OPERATIONS)).toMatchObject({ code: 'invalid' });
  });

  it('converts errors of a whole request', () => {
    const unknown = new JsonRpcError('transact', { error: 'unknown database', details: 'nothing' });
    expect(requestError(unknown, 'transact')).toMatchObject({ code: 'not-found' });
    expect(requestError(new JsonRpcError('transact', 'canceled'), 'transact')).toMatchObject({
      code: 'unavailable',
      retryable: true,
    });
    expect(requestError(new JsonRpcError('x', 'odd'), 'x')).toMatchObject({ code: 'internal' });
    const own = new HeddleError('deadline', 'late');
    expect(requestError(own, 'x')).toBe(own);
  });
});
