import { HeddleError } from '@heddle/model';
import { createLog, parseLogLevels, serviceLog } from './log';
import { NestLog } from './nest-log';

const capture = (levels = 'info') => {
  const lines: Record<string, unknown>[] = [];
  const parsed = parseLogLevels(levels);
  const log = createLog(parsed, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, log, levels: parsed };
};

describe('createLog', () => {
  it('writes one JSON object a line, with the service and the fields', () => {
    const { lines, log, levels } = capture();
    serviceLog(log, 'policy', levels).info({ requestId: 'r1', principal: 'user:anna' }, 'compiled');
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        service: 'policy',
        requestId: 'r1',
        principal: 'user:anna',
        msg: 'compiled',
      }),
    ]);
  });

  it('obeys the level of each service', () => {
    const { lines, log, levels } = capture('warn,policy=debug');
    serviceLog(log, 'policy', levels).debug('shown');
    serviceLog(log, 'gateway', levels).info('hidden');
    expect(lines.map((l) => l['msg'])).toEqual(['shown']);
  });

  it('keeps codes of errors, and stacks of faults of ours only', () => {
    const { lines, log } = capture();
    log.warn({ err: new HeddleError('unavailable', 'no NATS', { cause: new Error('ECONNREFUSED') }) }, 'x');
    log.error({ err: new TypeError('boom') }, 'y');
    expect(lines[0]?.['err']).toMatchObject({
      code: 'unavailable',
      message: 'no NATS',
      cause: { message: 'ECONNREFUSED' },
    });
    expect(lines[0]?.['err']).not.toHaveProperty('stack');
    expect(lines[1]?.['err']).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('log.spec') });
  });

  it('never writes secrets', () => {
    const { lines, log } = capture();
    log.info({ seed: 'SUAB', user: { token: 'abc' } }, 'made');
    expect(JSON.stringify(lines)).not.toMatch(/SUAB|abc/);
  });
});

describe('parseLogLevels', () => {
  it.each(['loud', 'policy=loud', 'Policy=info', '=info'])('refuses %s', (text) => {
    expect(() => parseLogLevels(text)).toThrow(`found log level "${text}"`);
  });
});

describe('NestLog', () => {
  it('turns progress reports of the framework into details', () => {
    const { lines, log } = capture('debug');
    const nest = new NestLog(log);
    nest.log('dependencies initialized', 'InstanceLoader');
    nest.error('it broke', 'Error: it broke\n    at x', 'Router');
    expect(lines).toEqual([
      expect.objectContaining({ level: 'debug', context: 'InstanceLoader', msg: 'dependencies initialized' }),
      expect.objectContaining({ level: 'error', context: 'Router', stack: expect.stringContaining('at x') }),
    ]);
  });
});
