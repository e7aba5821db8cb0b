import * as z from 'zod';
import { flag, LOG_SETTING, natsUrlText, portText } from './common-settings';
import { describeSettings, readSettings, type Settings } from './settings';

interface Config {
  natsUrl: string;
  port: number;
  lab: boolean;
  logLevels: z.output<(typeof LOG_SETTING)['schema']>;
}

const SETTINGS: Settings<Config> = {
  natsUrl: { arg: 'nats-url', env: 'HEDDLE_NATS_URL', help: 'address of NATS', schema: natsUrlText },
  port: { arg: 'api-port', env: 'HEDDLE_API_PORT', help: 'port', schema: portText(4280) },
  lab: { arg: 'lab', env: 'HEDDLE_LAB', flag: true, help: 'in a lab', schema: flag },
  logLevels: LOG_SETTING,
};

const read = (argv: string[], env: Record<string, string> = {}) => readSettings(SETTINGS, { argv, env });

describe('readSettings', () => {
  it('takes arguments before the environment, and defaults last', () => {
    expect(
      read(['--nats-url', 'nats://a:1', '--lab'], { HEDDLE_NATS_URL: 'nats://b:2', HEDDLE_API_PORT: '0' }),
    ).toEqual({
      natsUrl: 'nats://a:1',
      port: 0,
      lab: true,
      logLevels: { all: 'info', services: {} },
    });
    expect(read(['--nats-url=nats://a:1,tls://b:2']).port).toBe(4280);
    expect(read([], { HEDDLE_NATS_URL: 'nats://b:2', HEDDLE_LAB: 'true' })).toMatchObject({
      natsUrl: 'nats://b:2',
      lab: true,
    });
  });

  it('tells every mistake at once', () => {
    const attempt = (): unknown =>
      read(['--api-port', '70000', '--colour', '--lab=yes', 'extra', '--log-level', 'loud'], {
        HEDDLE_NATS_URL: 'http://x',
      });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'invalid',
        problems: [
          { path: '--colour', message: 'unknown option; see --help' },
          { path: '--lab', message: 'found value "yes"; this option takes none' },
          { path: 'extra', message: 'found where only options are expected' },
          { path: 'HEDDLE_NATS_URL', message: expect.stringContaining('found "http://x"; allowed is a URL such as') },
          { path: '--api-port', message: expect.stringContaining('found "70000"') },
          { path: '--log-level', message: expect.stringContaining('found log level "loud"') },
        ],
      }),
    );
  });

  it('names what is missing', () => {
    expect(() => read([])).toThrow('--nats-url: is missing; expected a string');
    expect(() => read(['--nats-url'])).toThrow('--nats-url: needs a value');
  });
});

describe('describeSettings', () => {
  it('lists options with their variables', () => {
    expect(describeSettings(SETTINGS)).toContain('  --lab              in a lab [HEDDLE_LAB]');
  });
});
