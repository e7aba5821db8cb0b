import { openTestLab } from './test-lab';

/** `node -r typescript-hook.js up-and-hang.ts LAB`: makes a lab, and gets no further than a host without credentials. */
async function main(name: string): Promise<void> {
  const lab = await openTestLab({
    name,
    hosts: 1,
    credentials: () => {
      process.stdout.write('waiting\n');
      return new Promise(() => undefined);
    },
  });
  await lab.up();
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
