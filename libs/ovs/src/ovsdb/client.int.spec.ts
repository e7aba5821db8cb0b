import { TestOvs } from '../testing/test-ovs';
import { waitFor } from '../testing/wait-for';
import { OvsdbClient } from './client';
import type { RowChange } from './replica';
import { stringMap, uuid } from './values';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const DB = 'Open_vSwitch';

describeRoot('an OVSDB client with a real server', () => {
  let ovs: TestOvs;
  let client: OvsdbClient;

  const setId = async (key: string, value: string): Promise<void> => {
    await ovs.vsctl('--no-wait', 'set', 'open_vswitch', '.', `external_ids:${key}=${value}`);
  };

  beforeAll(async () => {
    ovs = await TestOvs.start();
    client = new OvsdbClient({ socketPath: ovs.dbSocket });
    await client.connect();
  });

  afterAll(async () => {
    await client?.close();
    await ovs?.stop();
  });

  it('lists databases, reads a schema and says hello', async () => {
    expect(await client.listDbs()).toContain(DB);
    expect(await client.getSchema(DB)).toMatchObject({ name: DB, tables: { Bridge: expect.anything() } });
    await client.echo();
  });

  it('tells which operation of a transaction was refused', async () => {
    const operations = [
      { op: 'comment', comment: 'two wrongs' },
      { op: 'insert', table: 'Bridge', row: { name: ['set', []] } },
    ] as const;
    await expect(client.transact(DB, operations)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/operation 1 \(insert Bridge\)/),
    });
  });

  it('tells when the commit was refused', async () => {
    const dangling = uuid('11111111-2222-3333-4444-555555555555');
    const insert = { op: 'insert', table: 'Port', row: { name: 'p', interfaces: dangling } } as const;
    await expect(client.transact(DB, [insert])).rejects.toMatchObject({
      message: expect.stringContaining('integrity'),
    });
  });

  it('tells when there is no such database', async () => {
    await expect(client.transact('nothing', [])).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nothing'),
    });
  });

  it('sees its own changes in a replica before it sees their result', async () => {
    const replica = await client.monitor(DB, { Open_vSwitch: ['external_ids'] });
    const [root] = [...replica.table('Open_vSwitch').keys()];
    for (let n = 0; n < 50; n++) {
      const where = [['_uuid', '==', uuid(root as string)]] as const;
      await client.transact(DB, [
        { op: 'update', table: 'Open_vSwitch', where, row: { external_ids: ['map', [['n', String(n)]]] } },
      ]);
      expect(stringMap(replica.table('Open_vSwitch').get(root as string)?.['external_ids'])).toEqual({ n: String(n) });
    }
  });

  it('finds after a restart of the server what changed meanwhile', async () => {
    await setId('kept', 'before');
    const replica = await client.monitor(DB, { Open_vSwitch: ['external_ids'] });
    const changes: RowChange[] = [];
    replica.on('change', (all) => changes.push(...all));
    const seen: string[] = [];
    client.on('disconnected', () => seen.push('disconnected'));
    client.on('connected', () => seen.push('connected'));

    const other = new OvsdbClient({ socketPath: ovs.dbSocket });
    await ovs.restartDaemon('ovsdb-server', 'SIGKILL');
    await other.connect();
    await other.close();
    await waitFor(() => seen.includes('connected'), 'the client to come back');
    await setId('kept', 'after');
    await waitFor(() => changes.length > 0, 'the change to arrive');

    expect(seen).toEqual(['disconnected', 'connected']);
    expect(changes.map(({ after }) => stringMap(after?.['external_ids'])['kept'])).toEqual(['after']);
  });

  it('waits for the server within the deadline of a request', async () => {
    await ovs.stopDaemon('ovsdb-server');
    await expect(client.listDbs(200)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const later = client.listDbs(10_000);
    await ovs.startDaemon('ovsdb-server');
    expect(await later).toContain(DB);
  });

  it('does not wait for ever for a server that hangs', async () => {
    await client.listDbs();
    ovs.pauseDaemon('ovsdb-server');
    try {
      await expect(client.listDbs(200)).rejects.toMatchObject({ code: 'deadline' });
    } finally {
      ovs.resumeDaemon('ovsdb-server');
    }
    expect(await client.listDbs()).toContain(DB);
  });

  it('handles a transaction of several megabytes', async () => {
    const value = 'ä'.repeat(500_000);
    const replica = await client.monitor(DB, { Open_vSwitch: ['external_ids'] });
    const [root] = [...replica.table('Open_vSwitch').keys()];
    const where = [['_uuid', '==', uuid(root as string)]] as const;
    const row = { external_ids: ['map', [['big', value]]] } as const;
    await client.transact(DB, [{ op: 'update', table: 'Open_vSwitch', where, row }]);
    expect(stringMap(replica.table('Open_vSwitch').get(root as string)?.['external_ids'])['big']).toBe(value);
    await client.transact(DB, [{ op: 'update', table: 'Open_vSwitch', where, row: { external_ids: ['map', []] } }]);
  });
});
