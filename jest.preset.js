const { existsSync } = require('node:fs');
const path = require('node:path');

/**
 * The Jest configuration every project shares: sources are compiled by swc (decorator metadata included) and the
 * workspace's own packages resolve to their sources, so no build is needed before a test.
 */
module.exports = (dir) => ({
  rootDir: dir,
  testEnvironment: 'node',
  roots: ['<rootDir>/src'],
  testMatch: ['**/*.spec.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
        },
        sourceMaps: 'inline',
      },
    ],
  },
  resolver: path.join(__dirname, 'jest.resolver.js'),
  setupFiles: [path.join(__dirname, 'jest.setup.js')],
  testTimeout: 30_000,
});
