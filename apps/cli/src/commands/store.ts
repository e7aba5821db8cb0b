import type { Register } from './command';

export const registerStore: Register = (program, run) => {
  program
    .command('store')
    .description('after a restore of the store')
    .command('accept')
    .description('go on with a store that is older than what has been seen; what was changed since is lost')
    .action(
      run(async (session) => {
        const { position } = await (await session.api()).acceptStore();
        session.print(`the store is accepted as it is, at position ${position}`);
      }),
    );
};
