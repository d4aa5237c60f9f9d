/** An image is packed by as many threads as processors may be kept busy: so login nodes survive. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { archiveOf, dockerFiles } from '../helpers/images.js';
import { isRoot, skip, start, users } from '../helpers/support.js';
import { makePlace, obstacle, program } from './image.js';

const period = 100_000; // µs
const first = '/sys/fs/cgroup/cpu';

/** A control group that is allowed the time of so many processors. */
function makeGroup(directory: string, processors: number): void {
  mkdirSync(directory);
  const quota = processors * period;
  if (existsSync(first)) writeFileSync(join(directory, 'cpu.cfs_quota_us'), String(quota));
  else writeFileSync(join(directory, 'cpu.max'), `${quota} ${period}`);
}

t.test('an image is packed by as many threads as the control group allows processors', (t) => {
  const [user] = users;
  if (obstacle || !isRoot || !user) return skip(t, obstacle ?? 'only root can make control groups');
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'in'), archiveOf(dockerFiles()));
  const threads = (before = '') => {
    const script = `${before} exec strace -f -o calls -e trace=clone,clone3 ${program} convert -f in out.sqfs`;
    t.equal(start(user, 'sh', ['-c', script], { cwd: place.directory }).status, 0);
    return readFileSync(join(place.directory, 'calls'), 'utf8').match(/\bclone3?\(/g)?.length;
  };
  t.equal(threads(), availableParallelism());
  const group = join(existsSync(first) ? first : '/sys/fs/cgroup', `ch-image-ts-test-${process.pid}`);
  makeGroup(group, 0.5);
  t.teardown(() => rmdirSync(group));
  t.equal(threads(`echo $$ > ${group}/cgroup.procs;`), 1);
  t.end();
});
