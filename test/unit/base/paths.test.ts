import { posix } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { basename, dirname } from '../../../src/base/paths.js';

t.test('parts of paths are those that Node finds', (t) => {
  const path = fc.string({ unit: fc.constantFrom('/', 'a', '.'), maxLength: 8 });
  fc.assert(
    fc.property(path, (path) => {
      t.equal(basename(path), posix.basename(path), path);
      // Node leaves all slashes but one before the last component
      t.equal(dirname(path), posix.dirname(path).replace(/(?<=.)\/+$/, ''), path);
    }),
    { numRuns: 1000 },
  );
  t.end();
});
