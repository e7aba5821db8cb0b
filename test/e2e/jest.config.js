module.exports = {
  ...require('../../jest.preset.js')(__dirname),
  testMatch: ['**/*.e2e.ts'],
  // Each file has a lab of its own, and labs share two cores.
  maxWorkers: 1,
  testTimeout: 120_000,
};
