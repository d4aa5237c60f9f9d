{
  'variables': {
    # in a checkout warnings are errors; who installs the package may have a compiler that we have not met.
    # -Wrestrict is wrong about std::string in gcc 12 (GCC bug 105329)
    # empty where the libraries are missing: all else is built without SquashFS
    'squashfs_defines': '<!(node scripts/libraries.mjs squashfs defines)',
    # empty where libseccomp is missing: all else is built without --seccomp
    'seccomp_defines': '<!(node scripts/libraries.mjs seccomp defines)',
    'warnings': ['-Wall', '-Wextra', '-Wno-restrict', '<!(test -e .git && echo -Werror || echo -Wno-error)'],
    'base_sources': [
      'addon/base/error.cc',
      'addon/base/files.cc',
      'addon/base/glob.cc',
      'addon/base/process_state.cc',
      'addon/base/records.cc',
    ],
  },
  'target_defaults': {
    'include_dirs': ['addon'],
    'cflags_cc!': ['-std=gnu++17', '-fno-exceptions', '-fno-rtti'],
    'cflags_cc': ['-std=c++20', '-O2', '<@(warnings)'],
  },
  'targets': [
    {
      'target_name': 'ch_run_ts',
      'sources': ['addon/addon.cc', 'addon/compile_filter.cc', '<@(base_sources)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      # 10 aborts on a thrown null in node-addon-api 8.9
      'defines': ['NAPI_VERSION=9', 'NAPI_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED', '_GNU_SOURCE'],
      'conditions': [
        ['squashfs_defines!=""', {'defines': ['CH_RUN_SQUASH']}],
        [
          'seccomp_defines!=""',
          {
            'defines': ['CH_RUN_SECCOMP'],
            'libraries': ['<!@(node scripts/libraries.mjs seccomp libraries)'],
          },
        ],
      ],
    },
    {
      # the program that users type; it must start fast: nothing to load but the C library
      'target_name': 'ch-run-ts',
      'type': 'executable',
      'defines': ['CH_RUN_NODE="<!(node -p process.execPath)"', '_GNU_SOURCE'],
      'sources': [
        '<@(base_sources)',
        'addon/launcher/create_steps.cc',
        'addon/launcher/enter_steps.cc',
        'addon/launcher/environment.cc',
        'addon/launcher/exec.cc',
        'addon/launcher/facts.cc',
        'addon/launcher/handoff.cc',
        'addon/launcher/hints.cc',
        'addon/launcher/identity.cc',
        'addon/launcher/image_path.cc',
        'addon/launcher/join.cc',
        'addon/launcher/join_keeper.cc',
        'addon/launcher/join_rules.cc',
        'addon/launcher/join_starter.cc',
        'addon/launcher/join_state.cc',
        'addon/launcher/log.cc',
        'addon/launcher/main.cc',
        'addon/launcher/memo.cc',
        'addon/launcher/memo_directory.cc',
        'addon/launcher/memo_turn.cc',
        'addon/launcher/mounts.cc',
        'addon/launcher/namespaces.cc',
        'addon/launcher/overlay.cc',
        'addon/launcher/own_path.cc',
        'addon/launcher/plan.cc',
        'addon/launcher/process_id.cc',
        'addon/launcher/restrictions.cc',
        'addon/launcher/root.cc',
        'addon/launcher/seccomp.cc',
        'addon/launcher/steps.cc',
        'addon/launcher/try.cc',
        'addon/launcher/user_ns.cc',
        'addon/squashfs/channel.cc',
        'addon/squashfs/client.cc',
        'addon/squashfs/spawn.cc',
      ],
      'ldflags!': ['-rdynamic'],
      'ldflags': ['-static-libstdc++', '-static-libgcc', '-Wl,-z,now', '-Wl,--as-needed', '-Wl,--gc-sections'],
    },
  ],
  'conditions': [
    [
      'squashfs_defines!=""',
      {
        'targets': [
          {
            # the file-system server: a program of its own, because it lives on when the launcher is the command
            'target_name': 'ch-run-ts-squashfs',
            'type': 'executable',
            'defines': ['<!@(node scripts/libraries.mjs squashfs defines)', '_GNU_SOURCE'],
            'cflags_cc': ['-pthread'],
            'sources': [
              'addon/base/error.cc',
              'addon/base/files.cc',
              'addon/launcher/hints.cc',
              'addon/launcher/own_path.cc',
              'addon/launcher/restrictions.cc',
              'addon/squashfs/block_cache.cc',
              'addon/squashfs/channel.cc',
              'addon/squashfs/decompress.cc',
              'addon/squashfs/detach.cc',
              'addon/squashfs/directory.cc',
              'addon/squashfs/doorkeeper.cc',
              'addon/squashfs/file_data.cc',
              'addon/squashfs/fuse_ops.cc',
              'addon/squashfs/fuse_wire.cc',
              'addon/squashfs/image.cc',
              'addon/squashfs/inode.cc',
              'addon/squashfs/main.cc',
              'addon/squashfs/metadata.cc',
              'addon/squashfs/mount.cc',
              'addon/squashfs/sandbox.cc',
              'addon/squashfs/xattr.cc',
            ],
            'ldflags!': ['-rdynamic'],
            'ldflags': ['-static-libstdc++', '-static-libgcc', '-pthread'],
            'libraries': ['<!@(node scripts/libraries.mjs squashfs libraries)'],
          },
        ],
      },
    ],
  ],
}
