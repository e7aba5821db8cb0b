import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readHostConfig } from './config';
import { temporaryFolder } from './testing/parts';

const CONFIG = {
  host: 'h1',
  stateDir: '/var/lib/heddle',
  runDir: '/run/heddle',
  docker: { socket: '/run/docker.sock' },
  plugin: { socket: '/run/docker/plugins/heddle.sock' },
  ovs: { databaseSocket: '/run/openvswitch/db.sock', runDir: '/run/openvswitch' },
  underlay: { address: '192.0.2.11' },
  nats: { servers: ['nats://192.0.2.10:4222'] },
  attach: { socket: '/run/heddle/attach.sock' },
};

describe('readHostConfig', () => {
  const folder = temporaryFolder();
  const read = (content: unknown) => {
    const file = path.join(folder, 'host.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return readHostConfig(file);
  };

  it('fills in what is usual', () => {
    expect(read(CONFIG)).toMatchObject({
      plugin: { name: 'heddle' },
      ovs: { bridge: 'br-heddle', datapathType: 'system' },
      underlay: { mtu: 1500 },
      zone: 'default',
      labels: {},
    });
  });

  it('names every mistake at once, with what was found', () => {
    const wrong = {
      ...CONFIG,
      host: 'H 1',
      underlay: { address: '192.0.2', mtu: 10 },
      docker: { socket: `/${'x'.repeat(120)}` },
      more: 1,
    };
    const text = (() => {
      try {
        read(wrong);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    for (const part of ['host', 'underlay.address', 'underlay.mtu', 'docker.socket', 'more'])
      expect(text).toContain(part);
  });

  it('refuses an underlay over IPv6 with what was found and what is allowed', () => {
    expect(() => read({ ...CONFIG, underlay: { address: 'fd00::11' } })).toThrow(
      /underlay\.address.*found "fd00::11"; allowed is an IPv4 address/,
    );
  });

  it.each([
    ['not JSON', '{'],
    ['nothing', ''],
  ])('says which file holds %s', (_what, content) => {
    expect(() => read(content)).toThrow(/host\.json/);
  });

  it('says which file is not there', () => {
    expect(() => readHostConfig('/nowhere/host.json')).toThrow(/\/nowhere\/host\.json/);
  });
});
