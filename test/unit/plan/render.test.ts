/** What --dry-run prints where something is done outside of the container while it is made. */
import t from 'tap';
import type { LaunchPlan } from '../../../src/plan/launch-plan.js';
import { renderPlan } from '../../../src/plan/render.js';

const plan: LaunchPlan = {
  verbosity: 0,
  color: 'auto',
  log: 'text',
  warnings: [],
  facts: [],
  outside: [
    { kind: 'meet', name: 'a' },
    { kind: 'meet', name: 'b' },
  ],
  create: [
    { kind: 'attach', place: '/' },
    { kind: 'meet', name: 'a' },
    { kind: 'tmpfs', destination: '/tmp', options: '' },
    { kind: 'pivot' },
    { kind: 'meet', name: 'b' },
  ],
  enter: [{ kind: 'command' }],
};

t.test('the sides are printed side by side, and meet in one line', (t) => {
  t.equal(
    renderPlan(plan),
    `# facts: the plan is valid as long as these hold
# outside: run by a process that stays outside | # create: run once, by the process that creates the container
                                               | attach             /
meet               a                           | meet               a
                                               | tmpfs              /tmp ""
                                               | pivot
meet               b                           | meet               b
# enter: run by every process that enters it
command
`,
  );
  t.end();
});

t.test('without anything to do outside, that list is not shown', (t) => {
  t.match(
    renderPlan({ ...plan, outside: [], create: [{ kind: 'pivot' }] }),
    '\n# create: run once, by the process that creates the container\npivot\n# enter',
  );
  t.end();
});
