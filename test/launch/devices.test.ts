/** --device and --devices, with the files that the tools of the vendors write, on devices that every machine has. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  committed,
  copyImage,
  failsWith,
  image,
  launcher,
  noSquashfs,
  ordinaryUser,
  probeIn,
  run,
  runQuietly,
  runShell,
  scratch,
  skip,
  squashed,
  start,
  users,
} from '../helpers/support.js';

/** A library with this name of its own, that can be loaded without any other. */
function makeLibrary(path: string, soname: string, ...words: string[]): void {
  const link = ['-shared', '-fPIC', '-nostdlib', `-Wl,-soname,${soname}`, '-x', 'c', '-', '-o', path];
  execFileSync('gcc', [...words, ...link], { input: 'int answer(void) { return 42; }' });
}

/** A driver as a host has it, and a directory of specifications that describe it. */
function makeDriver(t: Test): { readonly host: string; readonly cdi: string } {
  const place = scratch(t);
  const [host, cdi] = [join(place, 'host'), join(place, 'cdi')];
  mkdirSync(host);
  mkdirSync(cdi);
  makeLibrary(join(host, 'libcuda.so.550.54.14'), 'libcuda.so.1');
  makeLibrary(join(host, 'libnvidia-ml.so.550.54.14'), 'libnvidia-ml.so.1');
  writeFileSync(join(host, 'nvidia-smi'), '#!/bin/sh\necho NVIDIA-SMI 550.54.14\n', { mode: 0o755 });
  execFileSync('mkfifo', [join(host, 'socket')]);
  for (const name of ['nvidia.yaml', 'amd.json', 'intel.yaml']) {
    writeFileSync(join(cdi, name), committed(`test/unit/cdi/${name}`).replaceAll('/HOST', host));
  }
  return { host, cdi };
}

/** A program that loads libraries by name and says which it could load. */
const loader = join(scratch(t), 'load');
execFileSync('gcc', ['-x', 'c', '-', '-o', loader], {
  input: `#include <dlfcn.h>
    #include <stdio.h>
    int main(int count, char** words) {
      for (int i = 1; i < count; i++) printf("%s %s\\n", words[i], dlopen(words[i], RTLD_NOW) ? "found" : dlerror());
    }`,
});
chmodSync(loader, 0o755);
const load = ['-b', `${loader}:/usr/bin/load`];
const list = (directory: string) => readdirSync(directory, { recursive: true }).sort();

const images: readonly (readonly [string, string])[] = [
  ['a directory image of somebody else', image],
  ...(noSquashfs ? [] : [['a SquashFS image', squashed] as const]),
];

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const [what, img] of images) {
    t.test(`a GPU works in ${what} that has no place for it, and stays read-only${as}`, (t) => {
      const { cdi } = makeDriver(t);
      const before = list(image);
      const script = `nvidia-smi
        load libcuda.so.1 libcuda.so libnvidia-ml.so.1 libcuda.so.550.54.14
        env -i /usr/bin/load libcuda.so.1
        echo "$NVIDIA_VISIBLE_DEVICES $CUDA"
        cat /opt/driver/lib/vdpau/../libcuda.so >/dev/null && echo linked
        test -p /run/nvidia-persistenced/socket && echo socket
        for f in /new /opt/driver/lib/new /opt/driver/lib/libcuda.so.1; do (: >$f) 2>/dev/null && echo wrote $f; done
        true`;
      const words = [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=all', '--set-env=CUDA=1', ...load, img];
      const expected = [
        'NVIDIA-SMI 550.54.14',
        ...['libcuda.so.1', 'libcuda.so', 'libnvidia-ml.so.1', 'libcuda.so.550.54.14', 'libcuda.so.1'].map(
          (name) => `${name} found`,
        ),
        'void 1',
        'linked',
        'socket',
      ].join('\n');
      t.equal(runShell(t, user, words, script), expected);
      t.equal(runShell(t, user, words, script), expected, 'by a remembered plan');
      t.equal(runShell(t, user, ['--join-ct=1', ...words], script), expected, 'in a shared container');
      t.same(list(image), before, 'the image is as it was');
      t.end();
    });
  }

  t.test(`all devices, by the variable and by files${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const all = run(user, ['--devices', image, '--', 'sh', '-c', 'nvidia-smi; test -c /dev/zero'], {
      env: { CH_RUN_CDI_DIRS: `/nowhere:${cdi}` },
    });
    t.same([all.status, all.stdout], [0, 'NVIDIA-SMI 550.54.14\n']);
    t.match(all.stderr, /^ch-run-ts\[\d+\]: warning: a device requests the groups 44, 109: [^\n]*\n$/);
    const words = [`--device=${cdi}/intel.yaml`, `--device=${cdi}/nvidia.yaml`, '--cdi-dirs=/nowhere', image];
    t.equal(runQuietly(t, user, [...words, '--', 'nvidia-smi']), 'NVIDIA-SMI 550.54.14\n');
    t.end();
  });

  t.test(`ranks that join share one container with its devices${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const words = [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=all', ...load, image];
    const command = ['sh', '-c', 'echo $(load libcuda.so.1; readlink /proc/self/ns/mnt)'];
    const ranks = ['--join-ct=3', `--join-tag=devices-${process.pid}`, ...words, '--', ...command];
    const all = ['-c', 'for rank in 0 1 2; do "$@" & done; wait', 'sh', launcher, ...ranks];
    const { stdout, stderr } = start(user, 'sh', all);
    const told = stdout.trimEnd().split('\n');
    t.same([stderr, told.length, new Set(told).size], ['', 3, 1]);
    t.match(told[0], /^libcuda.so.1 found mnt:/);
    t.end();
  });

  t.test(`mounts have the options that they are given${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const { mounts } = probeIn(t, user, [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', image]);
    const flags = (place: string) =>
      mounts
        .map((line) => line.split(' '))
        .find((words) => words[4] === place)?.[5]
        ?.split(',') ?? [];
    t.ok(['ro', 'nosuid', 'nodev'].every((flag) => flags('/usr/bin/nvidia-smi').includes(flag)));
    t.notOk(flags('/usr/bin/nvidia-smi').includes('noexec'));
    t.ok(flags('/run/nvidia-persistenced/socket').includes('noexec'));
    t.ok(flags('/').includes('ro'), 'the root is sealed');
    t.end();
  });

  t.test(`binds of the user can have these options, too${as}`, (t) => {
    const source = scratch(t, user);
    writeFileSync(join(source, 'x'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
    const ran = (option: string) =>
      run(user, ['-b', `${source}:/mnt:${option}`, image, '--', 'sh', '-c', '/mnt/x 2>/dev/null || echo no'])
        .stdout;
    t.same([ran('rw'), ran('noexec'), ran('ro,nodev,nosuid')], ['ran\n', 'no\n', 'ran\n']);
    t.end();
  });

  t.test(`a remembered plan notices new files, changed ones, and a driver that is gone${as}`, (t) => {
    const { host, cdi } = makeDriver(t);
    rmSync(join(cdi, 'intel.yaml'));
    const words = [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', '--device=nvidia.com/gpu=1', image];
    const ask = () =>
      run(user, [...words, '--', 'sh', '-c', 'echo $NEW; load libcuda.so.1 2>/dev/null; nvidia-smi']);
    failsWith(t, ask(), 31, 'there is no device nvidia.com/gpu=1', 'the devices in');
    const edits = (value: string) => ({ name: '1', containerEdits: { env: [`NEW=${value}`] } });
    const write = (value: string) =>
      writeFileSync(
        join(cdi, 'more.json'),
        JSON.stringify({ cdiVersion: '0.6.0', kind: 'nvidia.com/gpu', devices: [edits(value)] }),
      );
    write('one');
    t.match(ask().stdout, /^one\n/);
    t.match(ask().stdout, /^one\n/);
    write('two!');
    t.match(ask().stdout, /^two!\n/);
    rmSync(join(host, 'nvidia-smi'));
    failsWith(
      t,
      ask(),
      31,
      `can't bind ${host}/nvidia-smi, which ${cdi}/nvidia.yaml names`,
      'was the driver updated',
    );
    t.end();
  });

  t.test(`an image that can be written to gets links and places${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const own = copyImage(t, user);
    const words = [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', ...load];
    const script = 'load libcuda.so.1 && touch /new';
    t.equal(runShell(t, user, ['-W', ...words, own], script), 'libcuda.so.1 found');
    t.notOk(existsSync(join(own, 'opt/driver')));
    const kept = join(scratch(t, user), 'kept');
    for (const _ of [1, 2]) {
      t.equal(runShell(t, user, [`--overlay=${kept}`, ...words, own], script), 'libcuda.so.1 found');
      t.equal(runShell(t, user, ['-w', ...words, own], script), 'libcuda.so.1 found');
    }
    t.ok(existsSync(join(own, 'new')) && existsSync(join(own, 'usr/bin/nvidia-smi')));
    t.end();
  });

  t.test(`libraries of the image with the same names give way${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const own = copyImage(t, user);
    const libc = execFileSync('find', [own, '-name', 'libc.so.6'], { encoding: 'utf8' }).trim();
    const stale = libc.replace('libc.so.6', 'libcuda.so.1');
    writeFileSync(stale, 'stale');
    const words = [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', ...load, own];
    t.equal(runShell(t, user, words, 'load libcuda.so.1'), 'libcuda.so.1 found');
    t.equal(readFileSync(stale, 'utf8'), 'stale', 'the image has its own');
    t.end();
  });

  t.test(`CUDA libraries of the image come first if they are newer than the driver${as}`, (t) => {
    const { cdi } = makeDriver(t);
    const own = copyImage(t, user);
    const compat = join(own, 'usr/local/cuda/compat');
    mkdirSync(compat, { recursive: true });
    const which = () =>
      runShell(
        t,
        user,
        [`--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', own],
        'readlink -f "$(find /lib/ /usr/lib/ -name libcuda.so.1 | head -1)"',
      );
    for (const [version, expected] of [
      ['545.1.1', '/opt/driver/lib/libcuda.so.550.54.14'],
      ['560.1.1', '/usr/local/cuda/compat/libcuda.so.560.1.1'],
    ] as const) {
      rmSync(compat, { recursive: true });
      mkdirSync(compat);
      makeLibrary(join(compat, `libcuda.so.${version}`), 'libcuda.so.1');
      execFileSync('ln', ['-s', `libcuda.so.${version}`, join(compat, 'libcuda.so.1')]);
      t.equal(which(), expected, version);
    }
    t.end();
  });
}

/** A device with one hook: a script that finds the container as hooks do. */
function makeHook(t: Test, script: string, more: object = {}): string {
  const place = scratch(t);
  const path = join(place, 'hook');
  const find = `#!/bin/sh
    bundle=$(sed 's/.*"bundle":"\\([^"]*\\).*/\\1/')
    root=$(sed 's/.*"path":"\\([^"]*\\).*/\\1/' $bundle/config.json)\n`;
  writeFileSync(path, find + script, { mode: 0o755 });
  const hook = { hookName: 'createContainer', path, args: ['hook', 'a b'], env: ['WHO=vendor'], ...more };
  const file = join(place, 'spec.json');
  const devices = [{ name: 'd', containerEdits: { hooks: [hook] } }];
  writeFileSync(file, JSON.stringify({ cdiVersion: '0.6.0', kind: 'v.com/c', devices }));
  return `--device=${file}`;
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`an unknown hook is named, or run${as}`, (t) => {
    const script =
      'echo "$0 $1 $WHO $HOME $(pwd)" >$root/hooked; echo printed; ls $root/proc/self >/dev/null';
    const device = makeHook(t, script);
    const words = [image, '--', 'sh', '-c', 'cat /hooked; ls /mnt; : >/new'];
    const without = run(user, [device, ...words]);
    t.match(
      without.stderr,
      /warning: the createContainer hook '[^']*\/hook a b' of [^ ]*spec.json is not run \(--cdi-run-hooks/,
    );
    const { stdout, stderr } = run(user, ['--cdi-run-hooks', device, ...words]);
    t.match(stdout, /^[^ ]*\/hook a b vendor {2}\/mnt\n$/, 'the container’s /mnt is empty');
    t.match(stderr, /^printed\n/, 'what it prints is not mixed with what the command prints');
    t.match(stderr, /\/new: Read-only file system/, 'the root is sealed afterwards');
    t.notOk(existsSync(join(image, 'hooked')));
    t.end();
  });

  t.test(`a hook that fails, hangs or is not there stops the launch${as}`, (t) => {
    const launch = (device: string) => run(user, ['--cdi-run-hooks', device, image, '--', 'echo', 'no']);
    failsWith(t, launch(makeHook(t, 'exit 3')), 31, /the hook [^ ]*\/hook exited with status 3$/);
    failsWith(t, launch(makeHook(t, 'kill -9 $$')), 31, 'was terminated by signal 9');
    failsWith(t, launch(makeHook(t, 'exec sleep 60', { timeout: 1 })), 31, 'timed out after 1 s');
    failsWith(
      t,
      launch(makeHook(t, '', { path: '/no/hook' })),
      31,
      "can't run the hook /no/hook: execve: no such file",
    );
    t.equal(
      launch(makeHook(t, 'exit 3', { hookName: 'poststop' })).stdout,
      'no\n',
      'of later moments none is run',
    );
    t.end();
  });

  t.test(`no link leads out of the image${as}`, (t) => {
    const own = copyImage(t, user);
    const outside = scratch(t, user);
    execFileSync('ln', ['-s', outside, join(own, 'opt/out')]);
    const at = (path: string) => {
      const args = ['nvidia-cdi-hook', 'create-symlinks', '--link', `x::${path}`];
      return run(user, [makeHook(t, '', { path: '/usr/bin/nvidia-cdi-hook', args }), own, '--', 'true']);
    };
    failsWith(
      t,
      at(`/new/../../../../../../..${outside}/link`),
      31,
      'it has .. in a part that is not there yet',
    );
    // made in the image at that path, where the host's /tmp covers it
    for (const path of [`/opt/../../../../..${outside}/link`, '/opt/out/link'])
      t.match(at(path), { status: 0, stderr: '' });
    t.same(list(outside), []);
    t.end();
  });

  t.test(`a mode is changed in the container only${as}`, (t) => {
    const own = copyImage(t, user);
    mkdirSync(join(own, 'opt/d'), { mode: 0o700 });
    execFileSync('chown', [`${user.uid}:${user.gid}`, join(own, 'opt/d')]);
    const args = ['nvidia-ctk', 'hook', 'chmod', '--mode', '751', '--path', '/opt/d', '--path', '/none'];
    const words = [makeHook(t, '', { path: '/usr/bin/nvidia-ctk', args }), own];
    t.equal(runShell(t, user, words, 'stat -c %a /opt/d'), '751');
    t.equal(execFileSync('stat', ['-c', '%a', join(own, 'opt/d')], { encoding: 'utf8' }), '700\n');
    t.end();
  });
}

t.test('the doctor names devices, and what is wrong with their descriptions', (t) => {
  const { cdi } = makeDriver(t);
  const ask = () => {
    const { stdout } = run(ordinaryUser, ['--doctor=json'], { env: { CH_RUN_CDI_DIRS: cdi } });
    const { findings } = JSON.parse(stdout) as { findings: readonly Record<string, string>[] };
    return findings.find(({ name }) => name === 'cdi') ?? {};
  };
  t.match(ask(), {
    verdict: 'note',
    detail: /amd.com\/gpu=0, all; .*nvidia.com\/gpu=0, GPU-8f1e2d3c-.*, all/,
  });
  t.equal(ask().cause, undefined);
  writeFileSync(join(cdi, 'broken.yaml'), 'kind: [');
  writeFileSync(join(cdi, 'other.json'), committed('test/unit/cdi/amd.json'));
  t.match(ask(), {
    cause: /broken.yaml is not used: .*; amd.com\/gpu=0 is ambiguous: both .*amd.json and .*other.json/,
  });
  rmSync(cdi, { recursive: true });
  t.equal(ask().detail, `none in ${cdi}`);
  t.end();
});

t.test('a musl image without ldconfig finds the libraries', (t) => {
  const musl = '/lib/ld-musl-x86_64.so.1';
  if (!existsSync(musl) || start(ordinaryUser, 'musl-gcc', ['--version']).status !== 0) {
    return skip(t, 'there is no musl-gcc');
  }
  const { cdi, host } = makeDriver(t);
  const own = join(scratch(t), 'img');
  for (const path of ['dev', 'proc', 'sys', 'tmp', 'etc', 'lib', 'bin', 'usr/lib']) {
    mkdirSync(join(own, path), { recursive: true });
  }
  execFileSync('cp', ['-L', musl, join(own, 'lib')]);
  const source = `int answer(void); int main(void) { return answer() == 42 ? 0 : 1; }`;
  execFileSync(
    'musl-gcc',
    [
      '-x',
      'c',
      '-',
      '-o',
      join(own, 'bin/ask'),
      '-Wl,--no-as-needed',
      '-x',
      'none',
      `${host}/libcuda.so.550.54.14`,
    ],
    {
      input: source,
    },
  );
  for (const path of [undefined, '/opt/lib', '/nowhere:/usr/lib\n/lib']) {
    if (path) writeFileSync(join(own, 'etc/ld-musl-x86_64.path'), path);
    mkdirSync(join(own, 'opt/lib'), { recursive: true });
    for (const user of users) {
      const words = ['--no-passwd', `--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', own, '--', '/bin/ask'];
      t.equal(runQuietly(t, user, words), '', path ?? 'the usual directories');
    }
  }
  return t.end();
});

t.test('without overlays there is a clear message', (t) => {
  if (start(ordinaryUser, 'strace', ['-V']).status !== 0) return skip(t, 'there is no strace');
  const { cdi } = makeDriver(t);
  const inject = ['-f', '-o', '/dev/null', '-e', 'trace=mount', '-e', 'inject=mount:error=ENODEV:when=3'];
  const words = ['--no-memo', `--cdi-dirs=${cdi}`, '--device=nvidia.com/gpu=0', image, '--', 'true'];
  const ending = start(ordinaryUser, 'strace', [...inject, launcher, ...words]);
  failsWith(t, ending, 31, "can't mount an overlay", /the kernel has no overlayfs \(CONFIG_OVERLAY_FS\)/);
  return t.end();
});
