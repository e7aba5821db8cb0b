require('reflect-metadata');
const fc = require('fast-check');

// One seed and one number of runs for every property test: reproducible by default, raised by `npm run test:long`.
fc.configureGlobal({
  seed: Number(process.env.HEDDLE_TEST_SEED ?? 20261124),
  numRuns: Number(process.env.HEDDLE_TEST_RUNS ?? 100),
});
