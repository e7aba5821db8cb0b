import { FakeFiles } from '@heddle/host';
import { accepted, acceptedPolicy } from './testing/parts';
import { AgentStore } from './store';

const open = async (files: FakeFiles, errors: string[] = []) =>
  AgentStore.open(files, '/state', (error) => errors.push(error.message));

const INSTANCES = { u1: { healthy: true, restarts: { restarts: 1, delayMs: 1000 } } };

describe('AgentStore', () => {
  it('begins with nothing on a new host', async () => {
    const store = await open(new FakeFiles());
    expect(store.policy.value).toEqual({ highestClassId: 0 });
    expect(store.endpoints.value).toEqual({});
    expect(store.allocations.value).toEqual({});
    expect(store.host.value).toEqual({ blocks: [], instances: {} });
  });

  it('has in the next run what was set in this one', async () => {
    const files = new FakeFiles();
    const store = await open(files);
    store.policy.set({ accepted: acceptedPolicy(), highestClassId: 17 });
    store.endpoints.set({ accepted: accepted({}, 5) });
    await store.host.commit({
      blocks: [{ bridgeDomain: 'acme/default', block: '10.32.0.0/24' }],
      instances: INSTANCES,
    });
    await store.flush();
    const again = await open(files);
    expect(again.policy.value).toEqual({ accepted: acceptedPolicy(), highestClassId: 17 });
    expect(again.endpoints.value.accepted?.watermark.position).toBe(5);
    expect(again.host.value).toEqual(store.host.value);
  });

  it('does not believe a damaged part, says which, and keeps the others', async () => {
    const files = new FakeFiles();
    const store = await open(files);
    store.policy.set({ accepted: acceptedPolicy(), highestClassId: 17 });
    store.host.set({ blocks: [], instances: INSTANCES });
    await store.flush();
    const text = (await files.readText('/state/agent.policy')) as string;
    await files.writeAtomic('/state/agent.policy', text.slice(0, -5));
    const errors: string[] = [];
    const again = await open(files, errors);
    expect(errors).toEqual([expect.stringContaining('/state/agent.policy')]);
    expect(again.policy.value).toEqual({ highestClassId: 0 });
    expect(again.host.value.instances).toEqual(INSTANCES);
  });

  it('reports what could not be written, and throws it where that matters', async () => {
    const files = new FakeFiles();
    const errors: string[] = [];
    const store = await open(files, errors);
    files.writeError = new Error('disk full');
    store.host.set({ blocks: [], instances: INSTANCES });
    await store.flush();
    expect(errors).toEqual(['/state/agent.host could not be written: disk full']);
    expect(store.host.value.instances).toEqual(INSTANCES);
    await expect(store.host.commit({ blocks: [], instances: {} })).rejects.toThrow('disk full');
  });
});
