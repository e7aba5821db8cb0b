const { existsSync } = require('node:fs');
const path = require('node:path');

const FOLDERS = ['libs', 'apps', 'test', '.'];

/** Resolves `@heddle/NAME` to the sources of that workspace package; everything else the ordinary way. */
module.exports = (request, options) => {
  const match = /^@heddle\/([a-z-]+)(\/.*)?$/.exec(request);
  if (match) {
    for (const folder of FOLDERS) {
      const dir = path.join(__dirname, folder, match[1], 'src');
      if (existsSync(dir)) {
        return options.defaultResolver(match[2] ? dir + match[2] : path.join(dir, 'index.ts'), options);
      }
    }
  }
  return options.defaultResolver(request, options);
};
