// Bundles the command line from its sources and those of the libraries: `dist/main.js` for every command, and
// `dist/labs.js`, loaded when a lab is asked for. The lab and the container engine's client stay packages of their own,
// because they find files of theirs beside their code.
import { chmodSync } from 'node:fs';
import { bundle } from '../../deploy/bundle.mjs';

/** `import('./lab/labs')` becomes `require('./labs.js')`, at the time it is called. */
const labsApart = {
  name: 'labs-apart',
  setup: ({ onResolve }) => onResolve({ filter: /\/lab\/labs$/ }, () => ({ path: './labs.js', external: true })),
};

await Promise.all([
  bundle({ entryPoints: { main: 'src/main.ts' }, plugins: [labsApart] }),
  bundle({ entryPoints: { labs: 'src/lab/labs.ts' }, external: ['@heddle/lab', '@heddle/docker'] }),
]);
chmodSync('bin/heddle', 0o755);
