import { DEFAULT_ROOTS, LabLayout } from './layout';

describe('LabLayout', () => {
  it('keeps every socket within what the kernel can hold, for the longest names', () => {
    const node = new LabLayout(DEFAULT_ROOTS, 'sevench').node('a'.repeat(20));
    for (const socket of [node.engine.socket, node.attachSocket, node.agentSocket, node.ovsSocket]) {
      expect(socket.length).toBeLessThanOrEqual(107);
    }
    expect(node.engine.socket).toBe('/run/heddle/labs/sevench/aaaaaaaaaaaaaaaaaaaa/docker.sock');
    expect(node.partRecord('agent')).toBe('/var/lib/heddle/labs/sevench/nodes/aaaaaaaaaaaaaaaaaaaa/parts/agent.json');
  });

  it('refuses folders that are too long, before anything is made', () => {
    const roots = { state: '/var/lib/heddle/labs', run: `/run/${'x'.repeat(80)}` };
    expect(() => new LabLayout(roots, 'demo').node('h1')).toThrow(/allowed are 107/);
  });
});
