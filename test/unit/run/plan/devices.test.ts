/** --device in a plan, on a machine that exists here only. */
import t from 'tap';
import { LaunchError } from '../../../../src/base/errors.js';
import { factWords } from '../../../../src/plan/encode.js';
import { parseCommandLine } from '../../../../src/run/command-line.js';
import type { FakeMachine } from '../../../helpers/fake-host.js';
import { committed } from '../../../helpers/support.js';
import { lines, machine, planOf } from './plain-plan.js';

const library = Buffer.from('no library');
const specFile = (content: object) => Buffer.from(JSON.stringify(content));
const spec = (edits: object, kind = 'v.com/c', name = 'd0') =>
  specFile({ cdiVersion: '1.1.0', kind, devices: [{ name, containerEdits: edits }] });

/** A machine with the vendors' files in /etc/cdi, and `paths` besides. */
function withFiles(paths: FakeMachine['paths'] = {}, variables: Record<string, string> = {}): FakeMachine {
  return {
    variables: { USER: 'alice', HOME: '/home/alice', ...variables },
    devices: { '/dev/null': 'c 1:3', '/dev/zero': 'c 1:5', '/dev/full': 'c 1:7', '/opt/node': 'c 1:9' },
    paths: {
      ...machine.paths,
      '/etc/cdi/nvidia.yaml': Buffer.from(committed('test/unit/cdi/nvidia.yaml')),
      '/var/run/cdi/amd.json': Buffer.from(committed('test/unit/cdi/amd.json')),
      '/etc/cdi/intel.yaml': Buffer.from(committed('test/unit/cdi/intel.yaml')),
      ...Object.fromEntries(
        ['libcuda.so.550.54.14', 'libnvidia-ml.so.550.54.14', 'nvidia-smi', 'socket'].map((name) => [
          `/HOST/${name}`,
          library,
        ]),
      ),
      '/HOST/directory': 'directory',
      '/dev/null': 'other',
      ...paths,
    },
  };
}

/** What --device adds to the plan: the image's changes, binds and variables. */
function added(words: readonly string[], on: FakeMachine = withFiles()): readonly string[] {
  const without = new Set(lines(planOf([...words.filter((word) => !word.includes('device')), '/img'], on)));
  return lines(planOf([...words, '/img'], on)).filter((line) => !without.has(line));
}

/** Of a machine with one file. */
const addedBy = (edits: object) =>
  added(['--device=v.com/c=d0'], withFiles({ '/etc/cdi/v.json': spec(edits) }));

t.test('what the tool of NVIDIA writes', (t) => {
  const at = '/opt/driver/lib';
  const [cuda, ml] = ['libcuda.so.550.54.14', 'libnvidia-ml.so.550.54.14'];
  const flags = 'read-only nosuid nodev';
  t.same(added(['--device=nvidia.com/gpu=0']), [
    'upper memory 64m',
    `destinations /HOST/nvidia-smi /usr/bin/nvidia-smi /HOST/socket /run/nvidia-persistenced/socket /HOST/${cuda} ${at}/${cuda} /HOST/${ml} ${at}/${ml}`,
    `links ${at} libcuda.so.1 libcuda.so`,
    `links ${at}/vdpau ../libcuda.so.1 libvdpau_nvidia.so`,
    `libraries ${at} ${cuda} ${ml} libcuda.so`,
    'cuda-compat /usr/local/cuda/compat 550.54.14',
    'overlay made',
    `bind /HOST/nvidia-smi /usr/bin/nvidia-smi ${flags}`,
    `bind /HOST/socket /run/nvidia-persistenced/socket ${flags} noexec`,
    `bind /HOST/${cuda} ${at}/${cuda} ${flags}`,
    `bind /HOST/${ml} ${at}/${ml} ${flags}`,
    'seal',
    'environment set NVIDIA_VISIBLE_DEVICES=void literal',
    'environment set NVIDIA_CTK_LIBCUDA_DIR=/opt/driver/lib literal',
  ]);
  t.same(planOf(['--device=nvidia.com/gpu=0', '/img'], withFiles()).warnings, []);
  t.end();
});

t.test('device nodes alone change nothing: /dev is the host’s', (t) => {
  t.same(added(['--device=intel.com/gpu=all']), []);
  t.same(added(['--device=amd.com/gpu=0']), []);
  t.match(planOf(['--device=amd.com/gpu=all', '/img'], withFiles()).warnings, [
    /^a device requests the groups 44, 109: groups can't be added without privilege/,
  ]);
  t.end();
});

t.test('other nodes are bound', (t) => {
  t.match(addedBy({ deviceNodes: [{ path: '/opt/x', hostPath: '/opt/node' }] }), [
    'upper memory 64m',
    'destinations /opt/node /opt/x',
    'overlay made',
    'bind /opt/node /opt/x',
    'seal',
  ]);
  t.match(addedBy({ deviceNodes: [{ path: '/dev/zero', hostPath: '/dev/null' }] }), [
    'bind /dev/null /dev/zero',
  ]);
  t.same(addedBy({ deviceNodes: [{ path: '/dev/null', hostPath: '/dev/null', major: 1, minor: 3 }] }), []);
  t.end();
});

t.test('where changes are made when writing is asked for', (t) => {
  const words = ['--device=nvidia.com/gpu=all'];
  t.match(added(['-W', ...words]).slice(0, 1), ['upper memory 12%']);
  t.notOk(added(['-W', ...words]).includes('seal'));
  const direct = added(['-w', ...words]);
  t.match(direct[0], 'destinations ');
  t.match(direct[1], 'links ');
  t.ok(direct.includes('bind /HOST/nvidia-smi /usr/bin/nvidia-smi read-only nosuid nodev'));
  t.match(added(['--overlay=/o', ...words]).slice(0, 1), ['upper directory /o']);
  t.end();
});

t.test('of mounts at one place the last counts, outer ones come first', (t) => {
  const mount = (hostPath: string, containerPath: string) => ({
    hostPath: `/HOST/${hostPath}`,
    containerPath,
  });
  const mounts = [mount('socket', '/a/b'), mount('nvidia-smi', '/a/b'), mount('directory', '/a')];
  t.same(addedBy({ mounts }).slice(-3), ['bind /HOST/directory /a', 'bind /HOST/nvidia-smi /a/b', 'seal']);
  t.end();
});

t.test('variables come before those of the user, and keep their quotes', (t) => {
  const plan = planOf(
    ['--set-env=A=user', '--device=v.com/c=d0', '/img'],
    withFiles({ '/etc/cdi/v.json': spec({ env: ['A=device', "B='x'", 'C=$A'] }) }),
  );
  t.same(
    lines(plan).filter((line) => line.includes(' set ')),
    [
      'environment set A=device literal',
      "environment set B=''x'' literal",
      'environment set C=$A literal',
      'environment set A=user expand',
      'environment set CH_RUNNING=ch-run-ts literal',
    ],
  );
  t.end();
});

/** What a device asks for, and the warning. */
const warned: readonly [object, string][] = [
  [{ intelRdt: {} }, 'cache and memory bandwidth allocation (intelRdt), which needs privilege'],
  [
    { netDevices: [{ hostInterfaceName: 'eth1', name: 'e' }] },
    'the network interfaces eth1: containers see those of the host',
  ],
  [
    { deviceNodes: [{ path: '/dev/null', type: 'b' }] },
    '/dev/null is not the device that /etc/cdi/v.json describes, but c 1:3',
  ],
  [
    { deviceNodes: [{ path: '/dev/null', major: 1, minor: 4 }] },
    '/dev/null is not the device that /etc/cdi/v.json describes, but c 1:3',
  ],
  [
    { mounts: [{ hostPath: '/x', containerPath: '/t', type: 'tmpfs' }] },
    '/t is not mounted: /etc/cdi/v.json requests a file system of type tmpfs',
  ],
  [
    { mounts: [{ hostPath: '/HOST/socket', containerPath: '/t', options: ['idmap'] }] },
    'the mount option idmap in /etc/cdi/v.json has no effect',
  ],
  [
    { hooks: [{ hookName: 'createContainer', path: '/opt/tool', args: ['tool', 'a'] }] },
    "the createContainer hook '/opt/tool a' of /etc/cdi/v.json is not run",
  ],
];
for (const [edits, warning] of warned) {
  t.test(`a warning: ${warning}`, (t) => {
    const on = withFiles({ '/etc/cdi/v.json': spec(edits) });
    const { warnings } = planOf(['--device=v.com/c=d0', '/img'], on);
    t.equal(warnings.length, 1);
    t.match(warnings[0], warning);
    t.end();
  });
}

t.test('--cdi-run-hooks runs the hooks that we do not know, when all binds are made', (t) => {
  const hook = {
    hookName: 'createRuntime',
    path: '/opt/tool',
    args: ['tool', 'a'],
    env: ['A=1'],
    timeout: 5,
  };
  const on = withFiles({
    '/etc/cdi/v.json': spec({ hooks: [hook, hook, { hookName: 'poststop', path: '/x' }] }),
  });
  const words = ['--cdi-run-hooks', '--device=v.com/c=d0'];
  t.same(added(words, on), [
    'upper memory 64m',
    'overlay made',
    'hook 5 exactly /opt/tool 2 tool a A=1',
    'seal',
  ]);
  t.same(planOf([...words, '/img'], on).warnings, [
    "the poststop hook '/x' of /etc/cdi/v.json is not run: ch-run-ts is no longer running at that stage",
  ]);
  t.end();
});

t.test('what was asked is a fact: directories, files, devices', (t) => {
  const { facts } = planOf(
    ['--device=amd.com/gpu=0', '/img'],
    withFiles({}, { CH_RUN_CDI_DIRS: '/var/run/cdi' }),
  );
  const words = facts.map((fact) => factWords(fact).join(' '));
  for (const fact of [
    'variable CH_RUN_CDI_DIRS /var/run/cdi',
    'glob /var/run/cdi/*.json /var/run/cdi/amd.json',
    'glob /var/run/cdi/*.yaml',
    'device /dev/null c 1:3',
  ])
    t.ok(words.includes(fact), fact);
  t.notOk(words.some((fact) => fact.includes('/etc/cdi')));
  const nothing = planOf(['/img'], withFiles()).facts.map((fact) => factWords(fact).join(' '));
  t.notOk(
    nothing.some((fact) => fact.includes('cdi')),
    'nothing is asked without --device',
  );
  t.end();
});

t.test('--devices takes one of each kind that is called all, or all', (t) => {
  const on = withFiles({ '/etc/cdi/v.json': spec({ env: ['A=1'] }), '/etc/cdi/w.json': Buffer.from('{') });
  const plan = planOf(['--devices', '/img'], on);
  const set = lines(plan).filter((line) => line.startsWith('environment set'));
  t.equal(set.filter((line) => line.includes('NVIDIA_VISIBLE')).length, 1);
  t.ok(set.includes('environment set A=1 literal'));
  t.match(plan.warnings[0], /^\/etc\/cdi\/w.json is not used: /);
  t.equal(planOf(['-d', '/img'], on).warnings.length, plan.warnings.length);
  t.end();
});

t.test('a file stands for its devices, whatever lies in the directories', (t) => {
  const on = withFiles({ '/work/my.json': spec({ env: ['A=1'] }), '/etc/cdi/w.json': Buffer.from('{') });
  t.same(added(['--device=my.json'], on), ['environment set A=1 literal']);
  t.same(
    added(['--device=nvidia.com/gpu=0', '--device=nvidia.com/gpu=GPU-8f1e2d3c-0000-4b5a-9c7d-001122334455']),
    [...added(['--device=nvidia.com/gpu=0'])],
  );
  t.end();
});

const broken = specFile({ cdiVersion: '9.0.0' });
/** Words, what lies where, message, hint, exit status. */
const refused: readonly [readonly string[], FakeMachine['paths'], string, RegExp, number?][] = [
  [['--device=x.com/y=0'], {}, 'there is no device x.com/y=0', /\/etc\/cdi, \/var\/run\/cdi include .*gpu/],
  [['--device=nvidia.com/gpu=1'], {}, 'there is no device nvidia.com/gpu=1', /nvidia.com\/gpu=0, /],
  [
    ['--cdi-dirs=/a:/b', '--device=v.com/c'],
    {},
    'there is no device v.com/c: there is no usable device specification (CDI) in /a, /b',
    /vendor/,
  ],
  [
    ['--cdi-dirs=/a', '-d'],
    {},
    'there are no devices: there is no usable device specification',
    /--cdi-dirs/,
  ],
  [
    ['--cdi-dirs=/a', '-d'],
    { '/a/x.json': broken },
    'there are no devices',
    /\/a\/x.json is not used: expected one of/,
  ],
  [
    ['--device=v.com/c=0'],
    { '/etc/cdi/x.json': broken },
    'there is no device',
    /; \/etc\/cdi\/x.json is not used/,
  ],
  [
    ['--device=v.com/c=d0'],
    { '/etc/cdi/a.json': spec({}), '/etc/cdi/b.json': spec({}) },
    'device v.com/c=d0 is defined more than once: in /etc/cdi/a.json and /etc/cdi/b.json',
    /remove one of the files/,
  ],
  [['--device=x.json'], { '/work/x.json': broken }, "can't use the devices of x.json: expected one of", /^$/],
  [
    ['--device=v.com/c=d0'],
    { '/etc/cdi/v.json': spec({ deviceNodes: [{ path: '/dev/gone' }] }) },
    "can't use /dev/gone, which /etc/cdi/v.json names: there is no such device",
    /driver loaded/,
  ],
  [
    ['--device=v.com/c=d0'],
    { '/etc/cdi/v.json': spec({ deviceNodes: [{ path: '/dev/new', hostPath: '/dev/null' }] }) },
    "can't create the device /dev/new that /etc/cdi/v.json requests: /dev is the host's",
    /on the host it is \/dev\/null/,
  ],
  [
    ['--device=v.com/c=d0'],
    { '/etc/cdi/v.json': spec({ mounts: [{ hostPath: '/gone', containerPath: '/x' }] }) },
    "can't bind /gone, which /etc/cdi/v.json names: there is no such file",
    /driver updated/,
  ],
  [
    ['--device=v.com/c=d0'],
    { '/etc/cdi/v.json': spec({ mounts: [{ hostPath: '/HOST/socket', containerPath: '/dev/x' }] }) },
    "can't bind /HOST/socket to /dev/x as /etc/cdi/v.json says: that path belongs to the host",
    /^$/,
  ],
  [['--device=gpu'], {}, "expected vendor.com/class=name or a path for --device, got 'gpu'", /^$/, 64],
  [['--cdi-dirs=', '-d'], {}, "expected directories separated by colons for --cdi-dirs, got ''", /^$/, 64],
];
for (const [words, paths, message, hint, exitStatus = 31] of refused) {
  t.test(`${words.join(' ')} is refused: ${message}`, (t) => {
    try {
      planOf([...words, '/img'], withFiles(paths));
      t.fail('no error');
    } catch (error) {
      t.type(error, LaunchError);
      const { message: said, hint: hinted = '', exitStatus: status } = error as LaunchError;
      t.ok(said.startsWith(message), said);
      t.match(hinted, hint);
      t.equal(status, exitStatus);
    }
    t.end();
  });
}

t.test('devices in conflict are no obstacle to others', (t) => {
  const on = withFiles({
    '/etc/cdi/a.json': spec({}),
    '/etc/cdi/b.json': spec({}),
    '/etc/cdi/c.json': spec({ env: ['A=1'] }, 'v.com/c', 'd1'),
  });
  t.same(added(['--device=v.com/c=d1'], on), ['environment set A=1 literal']);
  t.same(
    added(['--cdi-dirs=/etc/cdi:/late', '--device=v.com/c=d0'], {
      ...on,
      paths: { ...on.paths, '/late/x.json': spec({ env: ['B=2'] }) },
    }),
    ['environment set B=2 literal'],
  );
  t.end();
});

t.test('--cdi-dirs alone asks for no device', (t) => {
  const line = parseCommandLine(['--cdi-dirs=/a', '/img', '--', 'true']);
  t.equal(line.kind === 'launch' && line.request.devices, undefined);
  t.end();
});
