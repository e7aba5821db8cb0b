// Bundles the benches from their sources and those of the libraries: `dist/main.js` runs them, `dist/stream.js` is what the
// policy bench starts inside containers' network namespaces, `dist/ping-pong.pl` what the datapath bench measures with. The lab and the container engine's client stay packages of
// their own, because they find files of theirs beside their code.
import { bundle } from '../../deploy/bundle.mjs';

await bundle({
  entryPoints: {
    main: 'src/main.ts',
    stream: 'src/policy/stream-main.ts',
    'ping-pong': 'src/ladder/ping-pong.pl',
  },
  loader: { '.pl': 'copy' },
  external: ['@heddle/lab', '@heddle/docker'],
});
