/** --join and --join-pid in the plan: what differs between ranks is named, and read by the launcher. */
import t from 'tap';
import { stepWords } from '../../../../src/plan/encode.js';
import type { CreateStep } from '../../../../src/plan/launch-plan.js';
import { parseCommandLine } from '../../../../src/run/command-line.js';
import { planJoin } from '../../../../src/run/plan/join.js';
import type { JoinRequest } from '../../../../src/run/request.js';

const creating: readonly CreateStep[] = [
  { kind: 'root', path: '/img', access: 'read-only' },
  { kind: 'pivot' },
];
const rest = ['root /img read-only', 'pivot'];

const rows: readonly (readonly [string, JoinRequest | undefined, readonly string[]])[] = [
  ['', undefined, rest],
  ['-j', { kind: 'peers', timeout: 30 }, ['join environment 30', ...rest]],
  ['--join', { kind: 'peers', timeout: 30 }, ['join environment 30', ...rest]],
  ['--join-ct=8', { kind: 'peers', count: 8, timeout: 30 }, ['join 8 30', ...rest]],
  ['--join-ct 1', { kind: 'peers', count: 1, timeout: 30 }, ['join 1 30', ...rest]],
  [
    '--join-ct=2147483647',
    { kind: 'peers', count: 2147483647, timeout: 30 },
    ['join 2147483647 30', ...rest],
  ],
  ['--join-tag=x', { kind: 'peers', tag: 'x', timeout: 30 }, ['join environment 30 x', ...rest]],
  [
    '--join-tag=environment',
    { kind: 'peers', tag: 'environment', timeout: 30 },
    ['join environment 30 environment', ...rest],
  ],
  ['-j --join-timeout=5', { kind: 'peers', timeout: 5 }, ['join environment 5', ...rest]],
  ['--join-timeout=5', { kind: 'peers', timeout: 5 }, ['join environment 5', ...rest]],
  [
    '--join-ct=4 --join-tag=a:b --join-timeout=600',
    { kind: 'peers', count: 4, tag: 'a:b', timeout: 600 },
    ['join 4 600 a:b', ...rest],
  ],
  ['--join-pid=123', { kind: 'process', pid: 123 }, ['join-pid 123']],
  ['--join --join-pid=123', { kind: 'process', pid: 123 }, ['join-pid 123']],
];

for (const [words, request, steps] of rows) {
  t.test(words || 'no option', (t) => {
    const line = parseCommandLine([...words.split(' ').filter(Boolean), 'img', '--', 'true']);
    t.same(line.kind === 'launch' ? line.request.join : line, request);
    t.same(
      planJoin(request, creating).map((step) => stepWords(step).join(' ')),
      steps,
    );
    t.end();
  });
}
