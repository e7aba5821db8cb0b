#!/usr/bin/env node
/**
 * Compiles one package: every source below src/ becomes CommonJS in dist/, tests left out. Types are checked elsewhere, for
 * the whole workspace at once, so that a build is a matter of milliseconds.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformFileSync } from '@swc/core';
import { SWC } from './swc.mjs';

const OPTIONS = { ...SWC, module: { type: 'commonjs' }, sourceMaps: true };

rmSync('dist', { recursive: true, force: true });
const files = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
  .map((entry) => path.relative('src', path.join(entry.parentPath, entry.name)));
for (const file of files) {
  const { code, map } = transformFileSync(path.join('src', file), OPTIONS);
  const out = path.join('dist', file.replace(/\.ts$/, '.js'));
  mkdirSync(path.dirname(out), { recursive: true });
  writeFileSync(out, `${code}\n//# sourceMappingURL=${path.basename(out)}.map\n`);
  writeFileSync(`${out}.map`, map ?? '');
}
