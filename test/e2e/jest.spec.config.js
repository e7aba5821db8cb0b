// Tests of what the end-to-end tests are made with; they need no lab.
module.exports = require('../../jest.preset.js')(__dirname);
