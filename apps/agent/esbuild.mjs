// The attach daemon and the prober are bundled from their sources: they start often or early, and must stay small, so they
// carry only what they use. The agent itself is compiled like every other package.
import { build } from 'esbuild';

await build({
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outdir: 'dist',
  tsconfig: '../../tsconfig.base.json',
  sourcemap: true,
  logLevel: 'warning',
  entryPoints: { attach: 'src/attach/main.ts', 'probe/main': 'src/probe/main.ts' },
  // Not used by either; what is not used is left out.
  external: ['dockerode'],
  metafile: true,
}).then(async ({ metafile }) => {
  const { writeFile } = await import('node:fs/promises');
  await writeFile('dist/attach.meta.json', JSON.stringify(metafile.outputs['dist/attach.js']));
});
