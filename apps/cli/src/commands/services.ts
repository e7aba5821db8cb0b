import { kindInfo } from '@heddle/model';
import { parseCount } from '../duration';
import { makeChange, withChangeOptions, type ChangeOptions } from './change';
import type { Register } from './command';

const MOST_REPLICAS = 10_000;

/** scale, restart. */
export const registerServices: Register = (program, run) => {
  withChangeOptions(
    program
      .command('scale')
      .description('set how many instances of a service run')
      .argument('<SERVICE>', 'path of the service')
      .argument('<N>', 'number of instances'),
  ).action(
    run(async (session, service: string, replicas: string, options: ChangeOptions) => {
      const n = parseCount('number of instances', replicas, 0, MOST_REPLICAS);
      const path = await session.resolve(kindInfo('Service'), service);
      const api = await session.api();
      return makeChange(session, options, (dryRun) => api.scale(path, n, dryRun));
    }),
  );

  withChangeOptions(
    program
      .command('restart')
      .description('replace the instances of a service, one after the other')
      .argument('<SERVICE>', 'path of the service'),
  ).action(
    run(async (session, service: string, options: ChangeOptions) => {
      const path = await session.resolve(kindInfo('Service'), service);
      const api = await session.api();
      return makeChange(session, options, (dryRun) => api.restart(path, dryRun));
    }),
  );
};
