/** Images that podman builds, run as they say: what podman prints, and what we print. docs/images.md has the differences. */
import { join } from 'node:path';
import t from 'tap';
import { noPodman, withPodman } from '../helpers/podman.js';
import { noSquashfs, skip, stage } from '../helpers/support.js';

t.setTimeout(180_000);

/** Lines after `FROM test`, with a file that tells how it was started. */
const images: Readonly<Record<string, string>> = {
  exec: `ENTRYPOINT ["/bin/report", "entry"]
CMD ["a  b", ""]
ENV A="x  y" PATH=/opt/conda/bin:/bin CONDA_PREFIX=/opt/conda
WORKDIR /work/made`,
  shell: `ENV A=of-image
CMD report shell "$A" p*
WORKDIR /etc`,
  both: `ENTRYPOINT report in shell form
CMD ["not", "used"]`,
  named: `USER joe
CMD ["/bin/report"]`,
  group: `USER joe:staff
CMD ["/bin/report"]`,
  number: `USER 1234
CMD ["/bin/report"]`,
  numbers: `USER 1234:5
CMD ["/bin/report"]`,
  stranger: `USER 4321
CMD ["/bin/report"]`,
  volume: `COPY --chown=1234:77 passwd /data/file
VOLUME /data
ENTRYPOINT ["/bin/sh", "-c", "echo more >>/data/file && tail -n 1 /data/file && ls -a /data"]`,
};

const report = `#!/bin/sh
echo "[$#: $(printf '<%s>' "$@")] $(pwd) A=$A CONDA=$CONDA_PREFIX"
# without one in the image it is the host's here, and podman's there
[ -z "$CONDA_PREFIX" ] || echo "PATH=$PATH"
[ "$(id -u)" = "$CALLER" ] || [ "$(id -u)" = 0 ] || echo "$(id -u):$(id -g) $HOME"`;

const program = (name: string) => join(stage, 'package/bin', name);

t.test('arguments, directory, environment and ids are those of podman', (t) => {
  const obstacle = noPodman ?? noSquashfs;
  if (obstacle) return skip(t, obstacle);
  const steps = Object.entries(images).map(
    ([name, lines]) => `
    cat >Containerfile <<'END'
FROM test
COPY report /bin/report
COPY etc /etc
${lines}
END
    podman build -q -t ${name} . >/dev/null 2>&1 || echo '${name} was not built'
    podman save -q ${name} 2>/dev/null | $IMAGE import -s storage - ${name} >/dev/null || echo '${name} was not imported'
    try ${name}-podman podman run --rm --network none -e CALLER=none ${name}
    try ${name}-ours env CALLER=$(id -u) $RUN -s storage ${name}`,
  );
  const found = withPodman(
    t,
    `
    mkdir context storage && cd context && mkdir etc storage
    for place in dev proc sys tmp; do mkdir -p ../rootfs/$place; done
    IMAGE=${program('ch-image-ts')} RUN=${program('ch-run-ts')}
    echo 'joe:x:1234:77:Joe:/home/joe:/bin/sh' >passwd
    cp passwd etc/passwd; echo 'staff:x:88:joe' >etc/group
    cat >report <<'END'
${report}
END
    chmod 755 report
    ${steps.join('\n')}
    `,
  );
  for (const name of Object.keys(images)) {
    const theirs = found.get(`${name}-podman`);
    t.match(theirs, /^0 \S/, `${name} under podman`);
    t.equal(found.get(`${name}-ours`), theirs, name);
  }
  t.comment([...found].map(([name, line]) => `${name}: ${line}`).join('\n'));
  t.end();
});
