import t from 'tap';
import { ExitStatus } from '../../../src/base/errors.js';
import { program } from '../../../src/run/program.js';
import { committed } from '../../helpers/support.js';

t.test('decider, launcher and help have the same exit statuses', (t) => {
  const list = /enum class Exit\b[^{]*\{([^}]*)\}/.exec(committed('addon/base/error.h'))?.[1] ?? '';
  const launcher = [...list.matchAll(/= (\d+),/g)].map(([, number]) => Number(number));
  t.same(launcher, Object.values(ExitStatus));
  t.same(
    program.exitStatuses.map(([status]) => status),
    launcher,
  );
  t.end();
});
