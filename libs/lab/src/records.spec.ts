import { FakeFiles } from '@heddle/host';
import { DEFAULT_ROOTS, LabLayout } from './layout';
import { NodeRecords, required } from './records';

const layout = new LabLayout(DEFAULT_ROOTS, 'demo').node('h1');

describe('NodeRecords', () => {
  it('give back nodes and parts as they were written', async () => {
    const records = new NodeRecords(new FakeFiles(), layout);
    await expect(records.loadNode()).resolves.toEqual({ state: 'absent' });
    await expect(records.parts()).resolves.toEqual([]);
    await records.saveNode({ name: 'h1', kind: 'host', phase: 'starting', index: 4, spec: { name: 'h1', zone: 'z' } });
    await records.updateNode({ phase: 'up', netnsInode: 7 });
    expect(required(await records.loadNode(), 'h1')).toEqual({
      version: 2,
      name: 'h1',
      kind: 'host',
      phase: 'up',
      index: 4,
      netnsInode: 7,
      spec: { name: 'h1', zone: 'z' },
    });
    const identity = { pid: 7, startTime: 70, bootId: 'b' };
    await records.savePart({ part: 'agent', identity, argv: ['agent'], startedAt: 1 });
    await expect(records.parts()).resolves.toEqual(['agent']);
    expect(required(await records.loadPart('agent'), 'agent')).toMatchObject({ identity, argv: ['agent'] });
  });

  it('are not believed when damaged, or of another version', async () => {
    const files = new FakeFiles();
    const records = new NodeRecords(files, layout);
    await expect(records.updateNode({ phase: 'up' })).rejects.toMatchObject({ code: 'state' });
    await files.writeAtomic(layout.record, '{"version":1,"phase":"up"}');
    const loaded = await records.loadNode();
    expect(loaded.state).toBe('damaged');
    expect(() => required(loaded, 'h1')).toThrow(/the record h1 is damaged/);
  });
});
