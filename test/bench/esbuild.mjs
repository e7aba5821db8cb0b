// Bundles the benches from their sources and those of the libraries: `dist/main.js` runs them, `dist/stream.js` is what the
// policy bench starts inside containers' network namespaces. The lab and the container engine's client stay packages of
// their own, because they find files of theirs beside their code.
import { bundle } from '../../deploy/bundle.mjs';

await bundle({
  entryPoints: { main: 'src/main.ts', stream: 'src/policy/stream-main.ts' },
  external: ['@heddle/lab', '@heddle/docker'],
});
