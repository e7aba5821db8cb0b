/**
 * Lets a plain `node -r` process load the workspace's TypeScript sources, as Jest does: for tests that have to kill a
 * whole process.
 */
const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync } = require('@swc/core');

const ROOT = path.resolve(__dirname, '../../../..');

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const name = /^@heddle\/([a-z-]+)$/.exec(request)?.[1];
  const folder = ['libs', 'apps'].find((f) => name && existsSync(path.join(ROOT, f, name, 'src/index.ts')));
  return folder ? path.join(ROOT, folder, name, 'src/index.ts') : resolve.call(this, request, ...rest);
};

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    sourceMaps: 'inline',
    module: { type: 'commonjs' },
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
    },
  });
  module._compile(code, filename);
};
