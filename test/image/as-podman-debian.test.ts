/** Images of real Debian packages, made by buildah: what podman prints of them, and what we print. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { noPodman, withPodman } from '../helpers/podman.js';
import { noSquashfs, root, scratch, skip, stage, start } from '../helpers/support.js';

t.setTimeout(300_000);

const packages = ['dash', 'coreutils', 'base-passwd', 'python3-minimal', 'dropbear-bin'];

/** Their files, as they are in the packages; the masters of passwd and group lie where base-passwd has them. */
function makeTree(): string {
  const directory = scratch(t, root);
  const tar = join(directory, 'debian.tar');
  const options = [
    '--quiet',
    '--variant=extract',
    `--include=${packages}`,
    '--aptopt=Acquire::Languages "none"',
  ];
  const script = '. /etc/os-release; exec mmdebstrap "$@" "$VERSION_CODENAME" "$TAR"';
  const env = { ...process.env, TAR: tar };
  const { status, stderr } = start(root, 'sh', ['-c', script, 'sh', ...options], { env, timeout: 250_000 });
  if (status !== 0) throw new Error(stderr);
  chmodSync(tar, 0o644);
  return tar;
}

const report = `#!/usr/bin/python3
import os, sys
uid = os.getuid()
print(sys.argv[1:], os.getcwd(), "me" if uid in (0, int(os.environ["CALLER"])) else (uid, os.getgid(), os.environ["HOME"]))
print({name: os.environ.get(name) for name in ("A", "PATH", "CONDA_PREFIX")})
`;

/** Lines after `FROM base`. */
const images: Readonly<Record<string, string>> = {
  server: 'ENTRYPOINT ["/usr/sbin/dropbear"]\nCMD ["-V"]',
  shell: 'ENV OPTION=-V\nENTRYPOINT dropbear $OPTION\nCMD ["not used"]',
  conda:
    'ENV PATH=/opt/conda/bin:/bin CONDA_PREFIX=/opt/conda A="x  y"\nWORKDIR /work/made\nCMD ["report", "a  b", ""]',
  named: 'USER www-data\nCMD ["report"]',
  group: 'USER www-data:games\nCMD ["report"]',
  volume:
    'VOLUME /usr/share/base-passwd\nCMD ["sh", "-c", "cd /usr/share/base-passwd && echo more >>group.master && tail -n 2 group.master; ls"]',
};

t.test('images of real packages run as under podman', (t) => {
  const obstacle = noPodman ?? noSquashfs;
  if (obstacle) return skip(t, obstacle);
  if (start(root, 'mmdebstrap', ['--version']).status !== 0) return skip(t, 'there is no mmdebstrap');
  const steps = Object.entries(images).map(
    ([name, lines]) => `
    printf '%s\\n' 'FROM base' '${lines.replaceAll('\n', "' '")}' >Containerfile
    buildah bud -q -t ${name} . >/dev/null 2>&1 || echo '${name} was not built'
    buildah push -q ${name} oci:layout:${name} >/dev/null 2>&1
    $IMAGE import -q -s storage oci:layout:${name} ${name} || echo '${name} was not imported'
    try ${name}-podman podman run --rm --network none -e CALLER=0 ${name}
    try ${name}-ours env CALLER=$(id -u) $RUN -s storage ${name}`,
  );
  const tar = makeTree();
  const program = (name: string) => join(stage, 'package/bin', name);
  const found = withPodman(
    t,
    `
    IMAGE=${program('ch-image-ts')} RUN=${program('ch-run-ts')}
    mkdir context storage && cd context && mkdir -p storage etc opt/conda/bin
    podman import -q ${tar} debian >/dev/null 2>&1
    cat >opt/conda/bin/report <<'END'
${report}
END
    chmod 755 opt/conda/bin/report
    # links that lead out of the image, where they are followed outside
    for name in passwd group; do tar -xOf ${tar} ./usr/share/base-passwd/$name.master >opt/$name; ln -s ../../../../../opt/$name etc/$name; done
    printf '%s\\n' 'FROM debian' 'COPY etc /etc/' 'COPY opt /opt' 'ENV PATH=/opt/conda/bin:/usr/sbin:/usr/bin:/sbin:/bin' >Containerfile
    buildah bud -q -t base . || echo 'base was not built'
    ${steps.join('\n')}
    printf '%s\\n' 'FROM base' 'USER nosuch' 'CMD ["report"]' >Containerfile
    buildah bud -q -t unknown . >/dev/null 2>&1
    buildah push -q unknown oci:layout:unknown >/dev/null 2>&1
    $IMAGE import -q -s storage oci:layout:unknown unknown
    try unknown-podman podman run --rm --network none unknown
    try unknown-ours $RUN -s storage unknown
    `,
  );
  for (const name of Object.keys(images)) {
    const theirs = found.get(`${name}-podman`);
    t.match(theirs, /^0 \S/, `${name} under podman`);
    t.equal(found.get(`${name}-ours`), theirs, name);
  }
  t.match(found.get('unknown-podman'), /^12[56] .*unable to find user nosuch/);
  t.match(found.get('unknown-ours'), /^31 .*user 'nosuch', who is not in its \/etc\/passwd/);
  t.comment([...found].map(([name, line]) => `${name}: ${line}`).join('\n'));
  t.end();
});
