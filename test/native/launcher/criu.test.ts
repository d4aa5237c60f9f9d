/** What CRIU answers is read with care: by the sanitized launcher, too. Python plays CRIU. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { encode, planOf, writePlan } from '../../helpers/plans.js';
import {
  committed,
  launcher,
  ordinaryUser,
  sanitizedLauncher,
  scratch,
  start,
} from '../../helpers/support.js';

const user = ordinaryUser;

/** Messages of Protocol Buffers, in hexadecimal. */
const notice = (script: string, pid = '05') => {
  const inner = `0a${hex(script.length)}${Buffer.from(script).toString('hex')}10${pid}`;
  return `080610012a${hex(inner.length / 2)}${inner}`;
};
const hex = (number: number) => number.toString(16).padStart(2, '0');
const done = '080210012202087b';

/** Plays CRIU for a restore; returns what the launcher said, and what CRIU was told. */
function play(t: Test, program: string, answers: string, log = '') {
  const place = scratch(t);
  chmodSync(place, 0o777);
  const criu = join(place, 'criu');
  writeFileSync(criu, committed('test/oci/criu.py'), { mode: 0o755 });
  for (const name of ['images', 'work']) {
    mkdirSync(join(place, name));
    chmodSync(join(place, name), 0o777);
  }
  const plan = planOf(user, [
    ['outside', 'pass', 'criu'],
    ['outside', 'await-command'],
    [
      ...['outside', 'restore', join(place, 'images'), join(place, 'work'), place, '-'],
      ...[
        'root',
        '',
        '/r',
        'ext_mnt',
        'key',
        'value',
        'inherit_fd',
        'pipe:[1]',
        '1',
        'leave_running',
        '',
        '300',
      ],
    ],
    ['outside', 'restored', join(place, 'nowhere')],
    ['create', 'pass', 'criu'],
    ['enter', 'criu'],
  ]);
  const { status, stderr } = start(
    user,
    program,
    ['--plan', writePlan(t, user, encode(plan)), '--', 'true'],
    {
      env: {
        PATH: `${place}:/usr/bin:/bin`,
        CRIU_PLAY: answers,
        CRIU_LOG: log,
        CRIU_WORK: join(place, 'work'),
        CRIU_SAID: join(place, 'said'),
      },
    },
  );
  const said = () => readFileSync(join(place, 'said'), 'utf8').split(' ');
  return { status, stderr, said };
}

/** Not messages, or not what an answer can be. */
const malformed = [
  ...['08', '80', 'ff', '0a', '0a05', '0aff', '0affffffffffffffffff7f', '0affffffffffffffffffff01'],
  ...['0b', '0c', '0e', '0f', '09', '0900', '0d', '0d000000', '08061001', '0806', '2a', '08061001 2a'],
  ...['2201', '080210012201', '0802100122020880', '08061001' + '2a0508', '0806100138ffffffffffffffffff01'],
];

t.test('answers of CRIU that are none are survived', (t) => {
  const begun = notice('setup-namespaces');
  for (const answers of [...malformed, ...malformed.slice(0, 8).map((each) => `${begun} ${each}`)]) {
    const { status, stderr } = play(t, existsSync(sanitizedLauncher) ? sanitizedLauncher : launcher, answers);
    t.equal(status, 31, answers);
    t.match(stderr, /^ch-run-ts\[\d+\]: error: can't restore container : (CRIU|the answer of CRIU)/);
    t.notMatch(stderr, /Sanitizer|runtime error/);
  }
  t.end();
});

t.test('a request has the options of the plan, and notices are answered', (t) => {
  const { status, stderr, said } = play(
    t,
    launcher,
    `${notice('pre-restore')} ${notice('setup-namespaces')} ${notice('post-restore')} 08021000`,
  );
  t.equal(status, 31);
  t.match(stderr, /can't restore container : CRIU: it failed/);
  const [request = '', ...answers] = said();
  t.match(request, /^080212/, 'a request to restore');
  for (const option of [
    '6a022f72',
    'ba010c0a036b65791205' + '76616c7565',
    'da010c0a08706970653a5b315d1001',
    '18ac02',
  ])
    t.ok(request.includes(option), option);
  t.same(answers, ['08061801', '08061801', '08061801'], 'goes on');
  t.end();
});

t.test("CRIU's errors are those of its log, and what it has begun is given up", (t) => {
  const log =
    '(00.1) x\n(00.2) Error (criu/a.c:1): one\n(00.3) Error (util.c:2): exited, status=1\n(00.4)  1: Error (b.c): two\n';
  const { stderr } = play(t, launcher, '080210004a03776879', log);
  t.match(stderr, /CRIU: Error \(criu\/a\.c:1\): one; Error \(b\.c\): two\n.*the rest is in .*restore\.log/);
  t.match(play(t, launcher, '080210004a03776879').stderr, /CRIU: why\n.*'criu check'/);
  t.match(play(t, launcher, '080210003802').stderr, /CRIU: no such file or directory\n/);
  t.match(play(t, launcher, 'die').stderr, /CRIU: it ended without an answer\n/);
  t.match(play(t, launcher, done.replace('7b', '00')).stderr, /CRIU does not say which process it is/);
  t.end();
});
