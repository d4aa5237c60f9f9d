// The suites: where their source is, what is built of it as their own makefiles would, and which files of tests there are.
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchSource, must } from './fetch.mjs';
import { asUser } from './rootless.mjs';

const gcc = 'g++:gcc';
const golang = 'golang-go:go';
const busybox = 'busybox-static:/bin/busybox';

const crunSource = {
  name: 'crun',
  archive: 'crun_1.8.1.orig.tar.xz',
  checksum: '01b68269d94e5fe11106a9b14c2f144be03b16ec798951f4efa6aa16ba9da29a',
  variable: 'CH_RUN_CRUN_SOURCE',
};
const runcSource = {
  name: 'runc',
  archive: 'runc_1.1.5+ds1.orig.tar.xz',
  checksum: 'e936cc563c4557178b3416aa1bb9e8231c53011beb8df67adedbfbaba4eacce7',
  variable: 'CH_RUN_RUNC_SOURCE',
};
const toolsSource = {
  name: 'golang-github-opencontainers-runtime-tools',
  archive: 'golang-github-opencontainers-runtime-tools_0.9.0.109.ge931285.orig.tar.xz',
  checksum: '203989a1ea98cf2aaced79155bbda09270b20db19b03376dde91ab12e5e6a0fe',
  variable: 'CH_RUN_RUNTIME_TOOLS_SOURCE',
};

/** Builds a program of a package of Go; Debian's libraries are found, and what stands in this directory before them. */
function goBuild(directory, place, output, ...words) {
  if (existsSync(output)) return;
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOFLAGS: '',
    GOPATH: `${join(directory, 'go')}:/usr/share/gocode`,
    GOCACHE: join(directory, 'go-cache'),
  };
  must('go', ['build', ...words, '-o', output, '.'], { cwd: place, env });
}

/** Where the compiler looks for a package, as a link to the source. */
function goPackage(directory, name, source) {
  const place = join(directory, 'go/src/github.com', name);
  mkdirSync(join(place, '..'), { recursive: true });
  if (!existsSync(place)) symlinkSync(source, place);
  return place;
}

const crun = {
  peers: ['/usr/bin/crun'], // runc does not know its options
  groups: /^(test-tmp|frozen$)/,
  packages: ['crun', 'python3', gcc],
  prepare(directory) {
    const tests = join(fetchSource(crunSource, directory), 'tests');
    const init = join(tests, 'tests/init');
    if (!existsSync(init)) {
      mkdirSync(join(tests, 'tests'), { recursive: true });
      writeFileSync(join(tests, 'config.h'), '#define HAVE_ERROR_H 1\n'); // what their configure would have made
      must('gcc', ['-static', '-I', tests, join(tests, 'init.c'), '-o', init]);
    }
    return tests;
  },
  list: (tests, runtime) =>
    readdirSync(tests)
      .filter((name) => /^test_.*\.py$/.test(name) && name !== 'test_checkpoint_restore.py')
      .map((file) => ({
        file,
        // a run that was ended leaves its directory, whose name is the number of its process
        words: ['sh', '-c', 'rm -rf .testsuite-run-*; exec python3 "$0"', file],
        cwd: tests,
        env: { OCI_RUNTIME: runtime, INIT: join(tests, 'tests/init') },
        seconds: 40,
      })),
};

const runc = {
  peers: ['/usr/sbin/runc', '/usr/bin/crun'],
  groups: /^(runc-cgroups-integration-test|test(_|-|busybox)|ct\d)/,
  packages: [
    ...[
      'crun',
      'runc',
      'bats',
      'jq',
      'gawk',
      gcc,
      golang,
      busybox,
      'mmdebstrap',
      'bsdutils:script',
      'xz-utils:xz',
    ],
    'libseccomp-dev:/usr/include/seccomp.h',
    'golang-github-opencontainers-runc-dev:/usr/share/gocode/src/github.com/opencontainers/runc',
  ],
  prepare(directory) {
    const source = goPackage(directory, 'opencontainers/runc', fetchSource(runcSource, directory));
    for (const name of ['recvtty', 'sd-helper', 'seccompagent']) {
      const place = join(source, 'contrib/cmd', name);
      goBuild(directory, place, join(place, name), '-tags', 'seccomp');
    }
    const data = join(source, 'tests/integration/testdata');
    makeBusybox(directory, join(data, 'busybox-amd64.tar.xz'));
    const debian = join(data, 'debian-amd64.tar.xz');
    if (!existsSync(debian)) must('mmdebstrap', ['--quiet', '--variant=essential', 'bookworm', debian]);
    return join(directory, runcSource.name, 'tests/integration');
  },
  list: (tests, runtime) =>
    readdirSync(tests)
      // one mounts by ssh, and CRIU does not work with every kernel
      .filter((name) => name.endsWith('.bats') && !['mounts_sshfs.bats', 'checkpoint.bats'].includes(name))
      .map((file) => ({
        file,
        words: ['bats', '--tap', file],
        cwd: tests,
        env: { RUNC: runtime },
        terminal: true,
      })),
};

/** The image that their script downloads, of this machine's busybox. */
function makeBusybox(directory, archive) {
  if (existsSync(archive)) return;
  const root = join(directory, 'busybox');
  for (const name of [
    'bin',
    'dev',
    'etc',
    'home',
    'root',
    'tmp',
    'usr/bin',
    'usr/sbin',
    'var/spool/mail',
    'lib',
    'proc',
    'sys',
  ])
    mkdirSync(join(root, name), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'));
  must(join(root, 'bin/busybox'), ['--install', join(root, 'bin')]);
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  must('chmod', ['1777', join(root, 'tmp')]);
  must('tar', ['-C', root, '-cJf', archive, '.']);
}

const tools = {
  peers: ['/usr/sbin/runc', '/usr/bin/crun'],
  groups: /^(cgrouptest|testcgroup|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)/,
  packages: [
    ...['crun', 'runc', golang],
    ...['hashicorp-go-multierror', 'google-uuid', 'stretchr-testify'].map(
      (name) => `golang-github-${name}-dev:/usr/share/gocode/src/github.com/${name.replace('-', '/')}`,
    ),
    'golang-github-xeipuuv-gojsonschema-dev:/usr/share/gocode/src/github.com/xeipuuv/gojsonschema',
    'golang-github-blang-semver-dev:/usr/share/gocode/src/github.com/blang/semver',
    'golang-github-opencontainers-runc-dev:/usr/share/gocode/src/github.com/opencontainers/runc',
  ],
  prepare(directory) {
    const source = goPackage(directory, 'opencontainers/runtime-tools', fetchSource(toolsSource, directory));
    goPackage(directory, 'mndrix/tap-go', join(import.meta.dirname, 'tap'));
    const libraryFree = ['-tags', 'netgo osusergo', '-ldflags', '-extldflags -static'];
    goBuild(directory, join(source, 'cmd/runtimetest'), join(source, 'runtimetest'), ...libraryFree);
    for (const name of listPrograms(source))
      goBuild(directory, join(source, 'validation', name), join(source, `${name}.t`));
    return source;
  },
  list: (source, runtime) =>
    listPrograms(source).map((file) => ({
      file,
      words: [`./${file}.t`],
      cwd: source,
      env: { RUNTIME: runtime },
    })),
};

/** As an ordinary user: with nothing but that, and with all that one can be given. */
const rootless = {
  ...runc,
  list: (tests, runtime) =>
    [[], ['idmap', 'cgroup']].flatMap((features) =>
      runc.list(tests, runtime).map((test) => asUser(test, features)),
    ),
};

const listPrograms = (source) =>
  readdirSync(join(source, 'validation')).filter((name) => !['util', '.gitignore'].includes(name));

export const suites = { crun, runc, rootless, tools };
