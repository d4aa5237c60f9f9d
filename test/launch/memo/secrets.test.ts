/** Values of variables are often secrets: a remembered plan keeps none, and is shared by command lines that set others. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { withoutValues } from '../../../src/host/secrets.js';
import { encode, planOf, writePlan } from '../../helpers/plans.js';
import { failsWith, image, ordinaryUser, plant, run, scratch } from '../../helpers/support.js';

interface Place {
  readonly memo: string;
  readonly env: NodeJS.ProcessEnv;
}

function makePlace(t: Test): Place {
  const place = scratch(t);
  return { memo: join(place, 'memo'), env: { CH_RUN_MEMO_DIR: join(place, 'memo') } };
}

/** What the variables are inside, and whether the plan was remembered. */
function show({ env }: Place, words: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  const { stdout, stderr } = run(ordinaryUser, ['-v', ...words, image, '--', 'sh', '-c', 'echo "$A|$B|$C"'], {
    env: { ...env, ...more },
  });
  return `${stdout.trim()} ${/(?<!no) remembered plan: /.test(stderr) ? 'found' : 'made'}`;
}

/** All that lies on disk, names included. */
function kept({ memo }: Place): string {
  return readdirSync(memo)
    .map((name) => name + readFileSync(join(memo, name), 'latin1'))
    .join('');
}

t.test('a value of --set-env is not kept, and another one shares the plan', (t) => {
  const place = makePlace(t);
  const words = (a: string, b: string) => [`--set-env=A=${a}`, `--set-env0=B=${b}`, `--set-env=C=$A`];
  t.equal(show(place, words('hunter2', 'tiger=3')), 'hunter2|tiger=3|hunter2 made');
  t.equal(show(place, words('hunter2', 'tiger=3')), 'hunter2|tiger=3|hunter2 found');
  t.equal(show(place, words('other', '')), 'other||other found');
  t.equal(
    show(place, ['--set-env=B=x', '--set-env0=A=y', '--set-env=C=$A']),
    'y|x|y made',
    'other names, another plan',
  );
  t.notMatch(kept(place), /hunter2|tiger|other/);
  t.end();
});

t.test('a value of CH_RUN_SET_ENV is not kept, and another one shares the plan', (t) => {
  const place = makePlace(t);
  const value = (a: string) => ({ CH_RUN_SET_ENV: `A=${a};;B=wolf;`, CH_RUN_SET_ENV0: 'C=bear' });
  t.equal(show(place, [], value('hunter2')), 'hunter2|wolf|bear made');
  t.equal(show(place, [], value('hunter2')), 'hunter2|wolf|bear found');
  t.equal(show(place, [], value('other')), 'other|wolf|bear found');
  t.equal(show(place, ['--set-env=A=ocelot'], value('other')), 'ocelot|wolf|bear made');
  t.equal(show(place, ['--set-env=A=more'], value('other')), 'more|wolf|bear found');
  t.equal(show(place, [], { CH_RUN_SET_ENV: 'B=lion' }), '|lion| made', 'other names, another plan');
  t.notMatch(kept(place), /hunter2|wolf|bear|other|ocelot|lion/);
  t.end();
});

t.test('a file of variables is another plan for each name', (t) => {
  const place = scratch(t);
  plant(place, { one: 'A=1', two: 'A=2' });
  const memory = makePlace(t);
  for (const which of ['one', 'two']) {
    const value = which === 'one' ? '1' : '2';
    t.equal(show(memory, [`--set-env=${place}/${which}`]), `${value}|| made`);
    t.equal(show(memory, [`--set-env=${place}/${which}`]), `${value}|| found`);
    t.equal(show(memory, [], { CH_RUN_SET_ENV: `${place}/${which}` }), `${value}|| made`);
  }
  t.end();
});

t.test('where it is not clear which word a step stands for, nothing is kept', (t) => {
  const place = makePlace(t);
  for (const _ of [1, 2]) {
    t.equal(show(place, ['--set-env=A=twice', '--set-env=A=twice']), 'twice|| made', 'one word twice');
    t.equal(
      show(place, ['-b', '--set-env=A=x:/mnt:optional', '--set-env=A=real']),
      'real|| made',
      'a value of another option',
    );
  }
  t.notOk(existsSync(place.memo));
  t.end();
});

t.test('facts have names of variables without their values', (t) => {
  t.equal(withoutValues('CH_RUN_SET_ENV=A=1;/file;;B=2=3;'), 'CH_RUN_SET_ENV=A=;/file;;B=;');
  t.equal(withoutValues('CH_RUN_CD=/a=b'), 'CH_RUN_CD=/a=b');
  t.end();
});

t.test('a plan of somebody’s own refers to no word', (t) => {
  for (const step of [
    ['enter', 'environment', 'set-word', '0', 'literal'],
    ['enter', 'environment', 'set-variable', 'CH_RUN_SET_ENV', '0', 'literal'],
    ['enter', 'environment', 'set-variable', 'HOME', '0', 'literal'],
  ]) {
    const file = writePlan(t, ordinaryUser, encode(planOf(ordinaryUser, [step])));
    failsWith(t, run(ordinaryUser, ['--plan', file, 'true']), 31, 'the plan refers to 0. value of');
  }
  t.end();
});
