/** The tests of crun, beside crun; those of runc and runtime-tools take longer: `npm run conformance:oci` has all. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { isRoot, skip } from '../helpers/support.js';

t.test('what passes the tests of crun with crun passes them with ch-oci-ts, but for what is listed', (t) => {
  if (!isRoot) return skip(t, 'they need root');
  t.setTimeout(900_000);
  const main = join(import.meta.dirname, 'conformance/main.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'crun'], { encoding: 'utf8' });
  t.equal(status, 0, `${stdout}${stderr}`);
  t.match(stdout, /^crun, control groups v1: \d+ of \d+ pass.*\ncrun, control groups v2: /);
  t.end();
});
