/**
 * What the bundles of this workspace have in common. Programs that start often, or run on every host, carry only what they
 * use: what a program has loaded stays in its memory.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformFile } from '@swc/core';
import { build } from 'esbuild';
import { SWC } from './swc.mjs';

/** Messages of the schema library in forty languages, of which the program shows its own. */
const oneLanguage = {
  name: 'one-language',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /\/locales\/index\.(c?js)$/ }, ({ importer }) =>
      /node_modules\/zod\//.test(importer) ? { path: 'zod-locales', namespace: 'empty' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Has packages that are loaded, and not used, by those that are used, be empty. */
const without = (packages) => ({
  name: 'without',
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`^(${packages.join('|')})$`) }, ({ path }) => ({ path, namespace: 'empty' })),
});

/** Packages that say nothing of it, and do nothing when they are only loaded. */
const pure = (packages) => ({
  name: 'pure',
  setup: (plugin) =>
    plugin.onResolve({ filter: new RegExp(`^(${packages.join('|')})$`) }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'resolved') return undefined;
      const found = await plugin.resolve(path, { ...from, pluginData: 'resolved' });
      return { ...found, sideEffects: false };
    }),
});

/** Sources go through the compiler of all packages, and stay modules, so that what is not used can be left out. */
const compile = {
  name: 'compile',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const { code } = await transformFile(file, { ...SWC, module: { type: 'es6' }, sourceMaps: 'inline' });
      return { contents: code, loader: 'js' };
    }),
};

/**
 * What is left beyond ASCII is in comments, the rest is escaped. One such character in a source has V8 keep all of it in two
 * bytes a character.
 */
function write({ path: file, text }) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, file.endsWith('.js') ? text.replace(/[^\0-\x7f]/g, '-') : text);
}

/**
 * Bundles programs from their sources and those of the libraries.
 * @param options of esbuild, and `without`: packages that the bundle does without, though something in it loads them
 */
export async function bundle({ without: left = [], plugins = [], ...options }) {
  const result = await build({
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outdir: 'dist',
    tsconfig: path.join(import.meta.dirname, '..', 'tsconfig.base.json'),
    sourcemap: true,
    write: false,
    logLevel: 'warning',
    ...options,
    plugins: [...plugins, ...(left.length > 0 ? [without(left)] : []), pure(['yaml']), oneLanguage, compile],
  });
  result.outputFiles.forEach(write);
  return result;
}
