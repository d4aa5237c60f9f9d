// What tests/rootless.sh of runc prepares for its tests as an ordinary user, in the room of one file of tests alone: the
// machine does not get that user. Features: idmap (subordinate IDs), cgroup (a group of its own).
import { tree } from './room.mjs';

const id = 59_000;
const uids = { ROOTLESS_UIDMAP_START: 100_000, ROOTLESS_UIDMAP_LENGTH: 65_536 };
const gids = { ROOTLESS_GIDMAP_START: 200_000, ROOTLESS_GIDMAP_LENGTH: 65_536 };
const place = '/tmp/rootless';

const addLine = (file, line) => `
{ grep -v '^rootless:' /etc/${file}; echo '${line}'; } > ${place}/${file}
mount --bind ${place}/${file} /etc/${file}`;

// the number that runc_rootless_idmap in helpers.bash maps is 1000
const addIds = `
${addLine('subuid', `rootless:${uids.ROOTLESS_UIDMAP_START}:${uids.ROOTLESS_UIDMAP_LENGTH}`)}
${addLine('subgid', `rootless:${gids.ROOTLESS_GIDMAP_START}:${gids.ROOTLESS_GIDMAP_LENGTH}`)}
export AUX_UID=1024 AUX_DIR=${place}/aux
mkdir -m 700 $AUX_DIR
chown ${uids.ROOTLESS_UIDMAP_START - 1000 + 1024} $AUX_DIR`;

const withoutHelpers = `
mkdir ${place}/without
for name in newuidmap newgidmap; do mknod ${place}/without/$name c 0 0; done
mount -t overlay -o lowerdir=${place}/without:/usr/bin none /usr/bin`;

const addGroup = `
if [ -e ${tree}/cgroup.controllers ]; then
  for name in $(cat ${tree}/cgroup.controllers); do echo +$name > ${tree}/cgroup.subtree_control; done
  set -- ${tree}
  chgrp ${id} ${tree}/cgroup.procs
  chmod g+rw ${tree}/cgroup.procs
else
  set -- ${tree}/*
fi
for hierarchy; do
  group=$hierarchy/runc-cgroups-integration-test
  mkdir -p $group
  for file in $group $group/cgroup.procs $group/cgroup.subtree_control $group/tasks; do
    if [ -e $file ]; then chgrp ${id} $file; chmod g+rwX $file; fi
  done
  for name in cpuset.cpus cpuset.mems cpu.rt_period_us cpu.rt_runtime_us; do
    if [ -e $group/tasks ] && [ -e $group/$name ]; then chown ${id}:${id} $group/$name; fi
  done
done`;

/** A test of runc as root becomes one as an ordinary user. */
export function asUser(test, features) {
  const has = (feature) => features.includes(feature);
  return {
    ...test,
    file: `${test.file} (${['rootless', ...features].join(', ')})`,
    words: [...['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups'], ...test.words],
    env: {
      ...test.env,
      ...(has('idmap') ? { ...uids, ...gids } : {}),
      ROOTLESS_FEATURES: features.join('+'),
      HOME: `${place}/home`,
    },
    prepare: `
mkdir -p ${place}/home
chown ${id} ${place}/home
${addLine('passwd', `rootless:x:${id}:${id}::${place}/home:/bin/sh`)}
${addLine('group', `rootless:x:${id}:`)}
${has('idmap') ? addIds : withoutHelpers}
( ${has('cgroup') ? addGroup : ':'}
)`,
  };
}
