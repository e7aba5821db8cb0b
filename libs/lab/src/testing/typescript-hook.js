// Lets plain `node -r` run this workspace's TypeScript sources, for a test that needs a process of its own.
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync } = require('@swc/core');

const LIBS = path.join(__dirname, '..', '..', '..');

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const source = path.join(LIBS, request.replace(/^@heddle\//, ''), 'src', 'index.ts');
  return request.startsWith('@heddle/') && existsSync(source) ? source : resolve.call(this, request, ...rest);
};

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    module: { type: 'commonjs' },
    jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2022' },
  });
  module._compile(code, filename);
};
