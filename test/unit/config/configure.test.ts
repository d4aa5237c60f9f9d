/** Which of many places is heard about an option. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { LaunchError } from '../../../src/base/errors.js';
import { parseOptions } from '../../../src/cli/parse.js';
import { configure, type Settings } from '../../../src/config/configure.js';
import { describeSource } from '../../../src/config/entry.js';
import { parseConfigFile } from '../../../src/config/file.js';
import { renderEntries } from '../../../src/config/render.js';
import { decide, subject } from '../../../src/run/decide.js';
import { makePlan } from '../../../src/run/plan/make-plan.js';
import { program } from '../../../src/run/program.js';
import { shippedProfiles } from '../../../src/run/shipped-profiles.js';
import { type FakeMachine, fakeHost } from '../../helpers/fake-host.js';
import { checkout, committed } from '../../helpers/support.js';
import { changed, lines } from '../run/plan/plain-plan.js';

const sitePath = '/etc/ch-run-ts/config.toml';
const installedPath = join(checkout, 'etc/ch-run-ts/config.toml');
const userPath = '/home/alice/.config/ch-run-ts/config.toml';

/** What the places say. */
interface World {
  readonly site?: string;
  readonly user?: string;
  /** Variables beside those of alice. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly words?: string;
  readonly paths?: FakeMachine['paths'];
}

function machineOf({ site, user, variables = {}, paths = {} }: World): FakeMachine {
  return {
    variables: { USER: 'alice', HOME: '/home/alice', ...variables },
    paths: {
      '/img': 'directory',
      ...(site === undefined ? {} : { [sitePath]: Buffer.from(site) }),
      ...(user === undefined ? {} : { [userPath]: Buffer.from(user) }),
      ...paths,
    },
  };
}

function settingsOf(world: World): Promise<Settings> {
  const words = world.words?.split(' ').filter(Boolean) ?? [];
  return configure(subject, parseOptions(program, [...words, '/img']).values, fakeHost(machineOf(world)));
}

/** The places from the weakest to the strongest, and how each says that the command starts in `place`. */
const ranks: readonly (readonly [string, (place: string) => World])[] = [
  ['the site', (place) => ({ site: `[options]\ncd = "${place}"` })],
  [
    "a profile of the site's that is on",
    (place) => ({ site: `[profile.a]\nwhen = "/img"\ncd = "${place}"` }),
  ],
  ['the user', (place) => ({ user: `[options]\ncd = "${place}"` })],
  [
    "a profile of the user's that is on",
    (place) => ({ user: `[profile.b]\nwhen = "/img"\ncd = "${place}"` }),
  ],
  [
    'a profile that is asked for',
    (place) => ({ user: `[profile.c]\ncd = "${place}"`, words: '--profile=c' }),
  ],
  ['a variable', (place) => ({ variables: { CH_RUN_CD: place } })],
  ['the command line', (place) => ({ words: `--cd=${place}` })],
  ['what the site always adds', (place) => ({ site: `[always]\ncd = "${place}"` })],
];

/** Both say their part: tables of one file follow each other. */
function both(one: World, other: World): World {
  const join = (...texts: (string | undefined)[]) => texts.filter(Boolean).join('\n');
  return {
    ...(one.site || other.site ? { site: join(one.site, other.site) } : {}),
    ...(one.user || other.user ? { user: join(one.user, other.user) } : {}),
    variables: { ...one.variables, ...other.variables },
    words: `${one.words ?? ''} ${other.words ?? ''}`,
  };
}

for (const [index, [weak, weakly]] of ranks.entries()) {
  t.test(`${weak} alone is heard`, async (t) => {
    t.equal((await settingsOf(weakly('/one'))).values.cd, '/one');
  });
  for (const [strong, strongly] of ranks.slice(index + 1)) {
    t.test(`${strong} is heard before ${weak}, whichever is written first`, async (t) => {
      const [one, other] = [weakly('/weak'), strongly('/strong')];
      t.equal((await settingsOf(both(one, other))).values.cd, '/strong');
      t.equal((await settingsOf(both(other, one))).values.cd, '/strong');
    });
  }
}

t.test(
  'values of an option that can be given more than once are all heard, the weakest place first',
  async (t) => {
    const world: World = {
      site: `
      [options]
      bind = ["/1", "/2"]
      [always]
      bind = "/9"
      [profile.a]
      when = ["/nothing", "/img"]
      bind = "/3"`,
      user: `
      [options]
      bind = ["/4"]
      profile = ["c"]
      [profile.b]
      when = "/img"
      bind = "/5"
      [profile.c]
      bind = "/6"`,
      variables: { CH_RUN_BIND: '/7;/7b:/x:ro,optional;' },
      words: '-b /8',
    };
    const { values } = await settingsOf(world);
    t.same(values.bind, ['/1', '/2', '/3', '/4', '/5', '/6', '/7', '/7b:/x:ro,optional', '/8', '/9']);
  },
);

t.test('changes of the environment keep their order; from variables, removing comes first', async (t) => {
  const { values } = await settingsOf({
    site: '[options]\nunset-env = "S*"\nset-env = ["A=1", "/file"]\n',
    user: '[options]\nset-env0 = ""\nunset-env = ["B", "C"]\n',
    variables: { CH_RUN_SET_ENV: 'D=x;y', CH_RUN_UNSET_ENV: '*' },
    words: '--set-env=E=2 --unset-env=F',
  });
  t.same(values.environment, [
    ...['unset-env=S*', 'set-env=A=1', 'set-env=/file'],
    ...['set-env0=', 'unset-env=B', 'unset-env=C'],
    ...['unset-env=*', 'set-env=D=x', 'set-env=y'],
    ...['set-env=E=2', 'unset-env=F'],
  ]);
});

/** What places say, and the values that come of it. */
const outcomes: readonly (readonly [string, World, Readonly<Record<string, unknown>>])[] = [
  ['nothing', {}, {}],
  ['an empty file', { user: '' }, {}],
  ['a flag', { user: '[options]\nwrite = true' }, { write: true }],
  ['a flag that is not set', { user: '[options]\nwrite = false' }, {}],
  [
    'a flag taken back by the user',
    { site: '[options]\nwrite = true', user: '[options]\nwrite = false' },
    {},
  ],
  ...['0', 'no', 'false', 'off', 'No'].map(
    (no) =>
      [
        `a flag taken back by ${no}`,
        { user: '[options]\nseccomp = true', variables: { CH_RUN_SECCOMP: no } },
        {},
      ] as const,
  ),
  ...['1', 'yes', 'true', 'on', 'YES'].map(
    (yes) =>
      [
        `a flag set by ${yes}`,
        { user: '[options]\nhome = false', variables: { CH_RUN_HOME: yes } },
        { home: true },
      ] as const,
  ),
  ['a flag set again', { user: '[options]\nwrite = false', words: '-w' }, { write: true }],
  [
    'an empty variable',
    { user: '[options]\nwrite = true', variables: { CH_RUN_WRITE: '' } },
    { write: true },
  ],
  ['a flag that the site forces off', { words: '--home', site: '[always]\nhome = false' }, {}],
  ['an optional value', { user: '[options]\nwrite-fake = "5%"' }, { 'write-fake': '5%' }],
  ['an optional value left out', { user: '[options]\nwrite-fake = true' }, { 'write-fake': '' }],
  [
    'an optional value taken back',
    { site: '[options]\nwrite-fake = "5%"', user: '[options]\nwrite-fake = false' },
    {},
  ],
  [
    'an optional value by a variable',
    { variables: { CH_RUN_WRITE_FAKE: '5%', CH_RUN_COLOR: 'yes' } },
    { 'write-fake': '5%', color: '' },
  ],
  ['a number', { user: '[options]\nuid = 0\ngid = "7"' }, { uid: '0', gid: '7' }],
  [
    "ch-run's variable",
    { site: '[options]\nstorage = "/s"', variables: { CH_IMAGE_STORAGE: '/v' } },
    { storage: '/v' },
  ],
  [
    "ch-run's variable and ours",
    { variables: { CH_IMAGE_STORAGE: '/v', CH_RUN_STORAGE: '/w' } },
    { storage: '/w' },
  ],
  [
    "ch-run's variable, empty",
    { site: '[options]\nstorage = "/s"', variables: { CH_IMAGE_STORAGE: '' } },
    { storage: '/s' },
  ],
  ['a number by a variable', { variables: { CH_RUN_UID: '0' } }, { uid: '0' }],
  ['how often', { user: '[options]\nverbose = 2' }, { verbose: 2 }],
  ['how often, once', { user: '[options]\nverbose = true' }, { verbose: 1 }],
  ['how often, by a variable', { variables: { CH_RUN_VERBOSE: '2' } }, { verbose: 2 }],
  ['not at all', { site: '[options]\nverbose = 2', user: '[options]\nverbose = 0' }, {}],
  ['not at all, by a variable', { site: '[options]\nverbose = 2', variables: { CH_RUN_VERBOSE: '0' } }, {}],
  ['the other way round', { user: '[options]\nverbose = 2', words: '-q' }, { quiet: 1 }],
  [
    'a stronger place that says another way to write',
    { site: '[options]\nwrite-fake = "5%"', words: '-w' },
    { write: true },
  ],
  [
    'a stronger place that does not',
    { site: '[options]\noverlay = "/o"', variables: { CH_RUN_WRITE: 'no' } },
    { overlay: '/o' },
  ],
  [
    'a process to enter',
    { user: '[options]\njoin = true\njoin-ct = 4', words: '--join-pid=7' },
    { 'join-pid': '7' },
  ],
  ['peers', { variables: { CH_RUN_JOIN_PID: '7' }, words: '--join-tag=x' }, { 'join-tag': 'x' }],
  [
    'dotted and inline tables',
    { user: 'options.cd = "/a"\nprofile = { p = { when = "/img", uid = 3 } }' },
    { cd: '/a', uid: '3' },
  ],
  [
    'XDG_CONFIG_HOME',
    {
      variables: { XDG_CONFIG_HOME: '/x' },
      user: '[options]\nuid = 1',
      paths: { '/x/ch-run-ts/config.toml': Buffer.from('[options]\ngid = 2') },
    },
    { gid: '2' },
  ],
  [
    'a relative XDG_CONFIG_HOME, which is none',
    { variables: { XDG_CONFIG_HOME: 'x' }, user: '[options]\nuid = 1' },
    { uid: '1' },
  ],
  ['no HOME', { variables: { HOME: '' } }, {}],
  ['a HOME that is out of reach', { paths: { [userPath]: 'unreadable' } }, {}],
  [
    '--config',
    {
      words: '--config=/c',
      user: '[options]\nuid = 1',
      site: '[options]\ngid = 2',
      paths: { '/c': Buffer.from('[options]\ncd = "/"') },
    },
    { config: '/c', cd: '/', gid: '2' },
  ],
  [
    'CH_RUN_CONFIG',
    {
      variables: { CH_RUN_CONFIG: 'c' },
      user: '[options]\nuid = 1',
      paths: { '/work/c': Buffer.from('[options]\ncd = "/"') },
    },
    { config: 'c', cd: '/' },
  ],
  [
    '--no-config over CH_RUN_CONFIG',
    { words: '--no-config', variables: { CH_RUN_CONFIG: '/none' }, user: '[options]\nuid = 1' },
    { 'no-config': true },
  ],
  [
    '--no-config and what the site insists on',
    {
      words: '--no-config',
      site: '[options]\nuid = 1\n[profile.p]\nwhen = "/img"\ncd = "/p"\n[always]\nbind = "/s"',
    },
    { 'no-config': true, bind: ['/s'] },
  ],
  [
    "a profile of the user's in the place of the site's",
    { site: '[profile.p]\nuid = 1\ncd = "/p"', user: '[profile.p]\nuid = 2', words: '--profile p' },
    { profile: ['p'], uid: '2' },
  ],
  [
    'a profile taken off by an empty one',
    { site: '[profile.p]\nwhen = "/img"\nuid = 1', user: '[profile.p]' },
    {},
  ],
  [
    'a profile that is on and asked for',
    { user: '[profile.p]\nwhen = "/img"\nbind = "/a"', words: '--profile p --profile p' },
    { profile: ['p', 'p'], bind: ['/a'] },
  ],
  ['a profile that is not on', { user: '[profile.p]\nwhen = "/none"\nuid = 1' }, {}],
  [
    'a profile that is not on, asked for',
    { user: '[profile.p]\nwhen = "/none"\nuid = 1', variables: { CH_RUN_PROFILE: 'p' } },
    { profile: ['p'], uid: '1' },
  ],
  [
    'profiles in the order of asking',
    { user: '[profile.p]\nuid = 1\n[profile.q]\nuid = 2', words: '--profile q --profile p' },
    { profile: ['q', 'p'], uid: '1' },
  ],
  [
    'what is forbidden to others',
    { site: 'forbid = ["bind", "uid"]\n[options]\nbind = "/s"\n[always]\nuid = 1' },
    { bind: ['/s'], uid: '1' },
  ],
  [
    'what is forbidden, but not used',
    { site: 'forbid = "write"', user: '[options]\nwrite = false\n[profile.p]\nwrite = true' },
    {},
  ],
  [
    "what is forbidden, in a profile of the site's",
    { site: 'forbid = ["write"]\n[profile.p]\nwrite = true', words: '--profile=p' },
    { profile: ['p'], write: true },
  ],
  [
    'what is forbidden, in a shipped profile',
    { site: 'forbid = ["bind"]', words: '--profile=cray' },
    { profile: ['cray'], bind: [/wlm_detect/] },
  ],
];
for (const [title, world, expected] of outcomes) {
  t.test(`${title}: ${JSON.stringify(world)}`, async (t) => {
    const { values } = await settingsOf(world);
    t.match(values, expected);
    t.same(Object.keys(values).sort(), Object.keys(expected).sort());
  });
}

/** What places say, what is said about it, and the hint. */
const errors: readonly (readonly [World, string, (string | RegExp)?])[] = [
  [
    { user: '[options]\n\nbnid = "/a"' },
    `in ${userPath}:3, options.bnid: there is no option bnid`,
    'did you mean bind?',
  ],
  [
    { site: '[options]\nfrobnicate = 1' },
    `in ${sitePath}:2, options.frobnicate: there is no option frobnicate`,
    /docs/,
  ],
  [{ site: '[option]\nuid = 1' }, `in ${sitePath}:1, option: unknown key option`, 'did you mean options?'],
  [{ user: 'bind = "/a"' }, `in ${userPath}:1, bind: unknown key bind`, 'options belong in [options]'],
  [{ user: '[constructor]' }, `in ${userPath}:1, constructor: unknown key constructor`],
  [{ user: 'options = 1' }, `in ${userPath}:1, options: expected a table`],
  [{ user: '[profile]\ngpu = "x"' }, `in ${userPath}:2, profile.gpu: expected a table`],
  [{ user: '[options.bind]\nx = 1' }, `in ${userPath}:1, options.bind: expected a value, not a table`],
  [{ user: '[[profile.gpu]]\nuid = 1' }, `in ${userPath}:1, profile.gpu.0: expected a value, not a table`],
  [
    { user: '[options]\nuid = "x"' },
    `in ${userPath}:2, options.uid: expected a number from 0 to 4294967294 for --uid, got 'x'`,
  ],
  [
    { user: '[options]\nuid = -1' },
    `in ${userPath}:2, options.uid: expected a number from 0 to 4294967294 for --uid, got '-1'`,
  ],
  [{ user: '[options]\nuid = 1.5' }, `in ${userPath}:2, options.uid: expected a string`],
  [{ user: '[options]\nuid = true' }, `in ${userPath}:2, options.uid: expected a string`],
  [{ user: '[options]\nuid = [1]' }, `in ${userPath}:2, options.uid: expected a string`],
  [{ user: '[options]\nwrite = "yes"' }, `in ${userPath}:2, options.write: expected true or false`],
  [
    { user: '[options]\nverbose = "yes"' },
    `in ${userPath}:2, options.verbose: expected a number, true or false`,
  ],
  [
    { user: '[options]\nverbose = -1' },
    `in ${userPath}:2, options.verbose: expected a number, true or false`,
  ],
  [
    { user: '[options]\nwrite-fake = 1979-05-27' },
    `in ${userPath}:2, options.write-fake: expected a string, true or false`,
  ],
  [{ user: '[options]\nbind = true' }, `in ${userPath}:2, options.bind: expected a list of strings`],
  [
    { user: '[options]\nbind = ["/a",\n["/b"]]' },
    `in ${userPath}:3, options.bind: expected a list of strings`,
  ],
  [
    { user: '[options]\nbind = ["/a",\n"/b:c"]' },
    `in ${userPath}:3, options.bind: expected SRC[:DST[:OPT,...]] for --bind, got '/b:c'`,
  ],
  [
    { user: '[profile.p]\nset-env = "=x"' },
    `in ${userPath}:2, profile.p.set-env: expected a variable name before = for --set-env`,
  ],
  [
    { user: '[options]\nhelp = true' },
    `in ${userPath}:2, options.help: a configuration file can't set --help`,
  ],
  [
    { user: '[options]\nconfig = "x"' },
    `in ${userPath}:2, options.config: a configuration file can't set --config`,
  ],
  [
    { user: '[options]\nplan = "x"' },
    `in ${userPath}:2, options.plan: a configuration file can't set --plan`,
  ],
  [
    { user: '[profile.p]\nprofile = "q"' },
    `in ${userPath}:2, profile.p.profile: profiles can be selected in [options] only`,
  ],
  [
    { site: '[always]\nprofile = "q"' },
    `in ${sitePath}:2, always.profile: profiles can be selected in [options] only`,
  ],
  [
    { user: '[profile.p]\nwhen = "x"' },
    `in ${userPath}:2, profile.p.when: expected an absolute path, got 'x'`,
  ],
  [
    { user: '[profile.p]\nwhen = ["/x",\n1]' },
    `in ${userPath}:3, profile.p.when: expected a list of strings`,
  ],
  [{ user: 'forbid = ["write"]' }, `in ${userPath}:1, forbid: forbid is allowed in the site's file only`],
  [{ user: '[always]\nuid = 1' }, `in ${userPath}:1, always: always is allowed in the site's file only`],
  [{ site: 'forbid = ["writ"]' }, `in ${sitePath}:1, forbid: there is no option writ`, 'did you mean write?'],
  [{ site: 'forbid = ["help"]' }, `in ${sitePath}:1, forbid: --help can't be forbidden`],
  [{ site: 'forbid = true' }, `in ${sitePath}:1, forbid: expected a list of strings`],
  [
    { user: '[options]\noverlay = "/o"\nwrite-fake = true' },
    `in ${userPath}, [options]: --write-fake and --overlay exclude each other`,
  ],
  [
    { user: '[profile.p]\nwrite = true\noverlay = "/o"' },
    `in ${userPath}, [profile.p]: --write and --overlay exclude each other`,
  ],
  [{ user: '[options]\nuid = 1\nuid = 2' }, `in ${userPath}:3: defining a key multiple times is invalid`],
  [{ user: '[options]\nuid 1' }, new RegExp(`^in ${userPath}:2: `).source],
  [
    { paths: { [userPath]: Buffer.from('a = "\xff"', 'latin1') } },
    `the configuration file ${userPath} is not UTF-8 text`,
  ],
  [{ paths: { [sitePath]: 'unreadable' } }, `can't examine ${sitePath}: stat: permission denied`],
  [{ paths: { [installedPath]: 'unreadable' } }, `can't examine ${installedPath}: stat: permission denied`],
  [
    { paths: { [installedPath]: Buffer.from('forbid = "write"') }, words: '-w' },
    'this site forbids --write, which the command line sets',
    `see ${installedPath}:1`,
  ],
  [{ words: '--config=/none' }, 'there is no configuration file /none'],
  [{ words: '--config=/c --no-config' }, '--config and --no-config exclude each other'],
  [
    { words: '--profile=gpu', user: '[profile.gpus]' },
    'there is no profile gpu, which the command line requests',
    'did you mean gpus?',
  ],
  [
    { site: '[options]\nprofile = ["gpu"]' },
    `there is no profile gpu, which ${sitePath}:2 requests`,
    'there are cray',
  ],
  [{ variables: { CH_RUN_WRITE: 'maybe' } }, "in CH_RUN_WRITE: expected yes or no for --write, got 'maybe'"],
  [
    { variables: { CH_RUN_QUIET: '-1' } },
    "in CH_RUN_QUIET: expected a number, yes or no for --quiet, got '-1'",
  ],
  [{ variables: { CH_RUN_JOIN_CT: 'x' } }, 'in CH_RUN_JOIN_CT: expected a number of peers'],
  [
    { variables: { CH_RUN_BIND: '/a;/b:c' } },
    "in CH_RUN_BIND: expected SRC[:DST[:OPT,...]] for --bind, got '/b:c'",
  ],
  [
    { variables: { CH_RUN_DRY_RUN: 'yaml' } },
    "in CH_RUN_DRY_RUN: expected text, json or plan for --dry-run, got 'yaml'",
  ],
  ...(
    [
      [{ words: '-w' }, 'the command line'],
      [{ variables: { CH_RUN_WRITE: '1' } }, 'CH_RUN_WRITE'],
      [{ user: '[options]\nwrite = true' }, `${userPath}:2`],
      [{ user: '[options]\nwrite = true', words: '-W' }, `${userPath}:2`],
      [{ user: '[profile.p]\nwrite = true', words: '--profile p' }, `${userPath}:2 (profile p)`],
      [{ user: '[profile.p]\nwhen = "/img"\nwrite = true' }, `${userPath}:3 (profile p)`],
    ] as const
  ).map(([world, who]): [World, string, string] => [
    { ...world, site: 'forbid = ["uid",\n"write"]' },
    `this site forbids --write, which ${who} sets`,
    `see ${sitePath}:2`,
  ]),
  [
    { site: 'forbid = "no-config"', words: '--no-config' },
    'this site forbids --no-config, which the command line sets',
  ],
];
for (const [world, message, hint] of errors) {
  t.test(`${JSON.stringify(world)} is wrong`, async (t) => {
    try {
      t.fail(JSON.stringify(await settingsOf(world)));
    } catch (error) {
      t.type(error, LaunchError);
      t.ok(
        (error as LaunchError).message.startsWith(message) ||
          new RegExp(message).test((error as LaunchError).message),
        (error as LaunchError).message,
      );
      if (hint) t.match((error as LaunchError).hint, hint);
    }
  });
}

/** Variables, and what is said about them. */
const oddities: readonly (readonly [string, string | undefined])[] = [
  ['CH_RUN_BNID', 'CH_RUN_BNID has no effect: did you mean CH_RUN_BIND?'],
  ['CH_RUN_UNSETENV', 'CH_RUN_UNSETENV has no effect: did you mean CH_RUN_UNSET_ENV?'],
  ['CH_RUN_HELP', "CH_RUN_HELP has no effect: --help can't be set by a variable"],
  ['CH_RUN_FROBNICATE', undefined],
  ['CH_RUN_MEMO_DIR', undefined],
  ['CH_RUNNING', undefined],
];
for (const [name, warning] of oddities) {
  t.test(`${name} ${warning ? 'is warned about' : 'is nothing to talk about'}`, async (t) => {
    const { values, warnings } = await settingsOf({ variables: { [name]: '/x' } });
    t.same(values, {});
    t.same(warnings, warning ? [warning] : []);
  });
}

t.test('whatever stands in a file, it is understood or refused with its name', async (t) => {
  const words = [
    '[',
    ']',
    '{',
    '}',
    '=',
    '.',
    ',',
    '"',
    '\n',
    'options',
    'profile',
    'p',
    'when',
    'bind',
    'uid',
    '1',
    '"/a"',
  ];
  const text = fc.array(
    fc.constantFrom(...words, ...['[options]\n', '[[x]]', '1979-05-27', '\0', '__proto__']),
  );
  const property = fc.property(text, (parts) => {
    try {
      return parseConfigFile(subject, parts.join(''), 'FILE', 'site') !== undefined;
    } catch (error) {
      return error instanceof LaunchError && error.message.startsWith('in FILE');
    }
  });
  fc.assert(property, { numRuns: 2000 });
  t.pass('2000 files');
});

t.test('the shipped profiles are those of profiles/ (else: npm run docs)', async (t) => {
  const files = readdirSync(join(checkout, 'profiles')).map((name) => `profiles/${name}`);
  const written = files.flatMap(
    (file) => parseConfigFile(subject, committed(file), file, 'shipped').profiles,
  );
  t.same(shippedProfiles, written);
});

t.test('the example profiles can be used as they are', async (t) => {
  const names = readdirSync(join(checkout, 'examples/profiles')).filter((name) => name.endsWith('.toml'));
  t.ok(names.length > 1);
  for (const name of names) {
    const text = committed(`examples/profiles/${name}`);
    const [profile, ...others] = parseConfigFile(subject, text, userPath, 'user').profiles;
    t.same([`${profile?.name}.toml`, others], [name, []]);
    t.match(committed('examples/profiles/README.md'), `(${name})`);
    const plain = settingsOf({ user: text });
    t.same((await plain).entries, [], 'nothing happens where the hardware is not');
    const equipped = settingsOf({ user: text, paths: { [profile?.when[0] ?? '']: 'directory' } });
    t.same((await equipped).entries, profile?.entries);
  }
});

t.test('the files in docs/configuration.md are right', async (t) => {
  const blocks = committed('docs/configuration.md').match(/(?<=\n\n)( {4}.*\n|\n(?= {4}))+/g) ?? [];
  const file = (name: string) =>
    blocks.find((block) => block.startsWith(`    # ${name}`))?.replace(/^ {4}/gm, '') ?? 'none';
  const site = parseConfigFile(subject, file('/etc/'), 'site', 'site');
  t.match(site, { forbid: [{ option: 'write' }], always: { length: 3 }, profiles: { length: 2 } });
  t.match(parseConfigFile(subject, file('~/'), 'user', 'user'), {
    options: { length: 2 },
    profiles: { length: 2 },
  });
});

/** The default binds of a Cray machine, as they were before there were profiles. */
const crayPaths = [
  '/etc/opt/cray/wlm_detect',
  ...['wlm_detect', 'alps', 'udreg', 'ugni', 'xpmem'].map((name) => `/opt/cray/${name}`),
  '/var/opt/cray/alps',
];

for (const [title, present] of [
  ['all', ['/opt/cray', '/etc/opt/cray', '/var/opt/cray', ...crayPaths]],
  ['some', ['/var/opt/cray', '/var/opt/cray/alps']],
  ['nothing', []],
] as const) {
  t.test(`where there is ${title} of Cray's, that is bound, without being asked for`, async (t) => {
    const host = fakeHost(
      machineOf({ paths: Object.fromEntries(present.map((path) => [path, 'directory'])) }),
    );
    const { line, settings } = await decide(['/img', '--', 'true'], host);
    if (line.kind !== 'launch') return t.fail(line.kind);
    const binds = crayPaths.filter((path) => (present as readonly string[]).includes(path));
    const expected = changed({ before: { pivot: binds.map((path) => `bind ${path} ${path} optional`) } });
    t.same(lines(makePlan(line.request, host, settings.warnings)), expected);
  });
}

const installed = { [installedPath]: Buffer.from('[options]\nuid = 3') };

t.test("the site's file below the installation is read where there is none in /etc", async (t) => {
  t.match((await settingsOf({ paths: installed })).entries, [
    { option: 'uid', value: '3', source: { kind: 'file', file: installedPath, line: 2 } },
  ]);
  const { values } = await settingsOf({ site: '[options]\ngid = 4', paths: installed });
  t.same(values, { gid: '4' });
});

for (const [title, owner, obeyed] of [
  ['of who installed it', { uid: 7, installed: true }, true],
  ['of root', { uid: 0 }, true],
  ['of somebody else', { uid: 7 }, false],
  ['that others can write to', { uid: 7, installed: true, mode: 0o666 }, false],
] as const) {
  t.test(`a file ${title} below the installation is ${obeyed ? 'obeyed' : 'an error'}`, async (t) => {
    const host = fakeHost({ ...machineOf({ paths: installed }), owners: { [installedPath]: owner } });
    const settings = configure(subject, {}, host);
    if (obeyed) return t.match((await settings).values, { uid: '3' });
    await t.rejects(settings, { message: `refusing the configuration file ${installedPath}: ` });
  });
}

t.test('everything that was looked at is a fact', async (t) => {
  const host = fakeHost(machineOf({ variables: { CH_RUN_UID: '1' } }));
  await configure(subject, {}, host);
  t.same(host.facts(), [
    { kind: 'variables', prefix: 'CH_RUN_', entries: ['CH_RUN_UID=1'] },
    { kind: 'variable', name: 'CH_IMAGE_STORAGE' },
    { kind: 'path', path: sitePath, found: 'absent' },
    { kind: 'path', path: installedPath, found: 'absent' },
    { kind: 'variable', name: 'XDG_CONFIG_HOME' },
    { kind: 'variable', name: 'HOME', value: '/home/alice' },
    { kind: 'user', uid: 1001, gid: 100 },
    { kind: 'owner', path: '/home/alice', links: 'no-follow', found: 'absent' },
    { kind: 'path', path: userPath, found: 'absent' },
    ...['/opt/cray', '/etc/opt/cray', '/var/opt/cray'].map((path) => ({
      kind: 'path',
      path,
      found: 'absent',
    })),
  ]);
});

t.test('--list looks for images where configuration says, and --help needs none', async (t) => {
  const machine = machineOf({ user: '[options]\nstorage = "/s"' });
  t.match((await decide(['--list'], fakeHost(machine))).line, { kind: 'list', storage: '/s' });
  const broken = fakeHost(machineOf({ user: '[' }));
  t.match((await decide(['--help'], broken)).line, { kind: 'help' });
  t.same(broken.facts(), []);
});

t.test('who set what is shown: file and line, profile, variable, command line', async (t) => {
  const { entries } = await settingsOf({
    site: '[options]\nquiet = 1\nwrite-fake = "9%"',
    user: '[profile.p]\nbind = [\n"/a b"]',
    variables: { CH_RUN_UID: '7' },
    words: '--profile=p -t -q',
  });
  t.equal(
    renderEntries(entries),
    `# options: what was set, and where
write-fake         "9%"    # ${sitePath}:3
bind               "/a b"  # ${userPath}:3 (profile p)
uid                "7"     # CH_RUN_UID
private-tmp                # the command line
quiet              1       # the command line
profile            "p"     # the command line
`,
  );
  t.equal(renderEntries([]), '');
  t.same(entries.map(({ source }) => describeSource(source)).length, 6);
});
