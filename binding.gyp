{
  'variables': {
    # in a checkout warnings are errors; who installs the package may have a compiler that we have not met.
    # -Wrestrict is wrong about std::string in gcc 12 (GCC bug 105329)
    # empty where the libraries are missing: all else is built without SquashFS
    'squashfs_defines': '<!(node scripts/libraries.mjs squashfs defines)',
    # empty where a library of ch-image-ts is missing: all else is built without it
    'pack_defines': '<!(node scripts/libraries.mjs pack defines)',
    # empty where a library for registries is missing: ch-image-ts is built without pull
    'net': '<!(node scripts/curl.mjs libraries)',
    # empty where libseccomp is missing: all else is built without --seccomp
    'seccomp_defines': '<!(node scripts/libraries.mjs seccomp defines)',
    # empty where the source of QuickJS is not available: then Node decides
    'quickjs': '<!(node scripts/quickjs.mjs)',
    'warnings': ['-Wall', '-Wextra', '-Wno-restrict', '<!(test -e .git && echo -Werror || echo -Wno-error)'],
  },
  'target_defaults': {
    'include_dirs': ['addon'],
    'defines': [
      'CH_RUN_VERSION="<!(node -p "require(\'./package.json\').version")"',
      'CH_RUN_COMPRESSORS="<!(node scripts/libraries.mjs squashfs names)"',
    ],
    'cflags_cc!': ['-std=gnu++17', '-fno-exceptions', '-fno-rtti'],
    'cflags_cc': ['-std=c++20', '-O2', '<@(warnings)'],
  },
  'targets': [
    {
      'target_name': 'ch_run_ts',
      'sources': ['<!@(node scripts/sources.mjs addon)'],
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
    # what programs share is compiled once
    {
      'target_name': 'core',
      'type': 'static_library',
      'includes': ['addon/compiled.gypi'],
      'sources': ['<!@(node scripts/sources.mjs core)'],
    },
    {
      'target_name': 'interpreter',
      'type': 'static_library',
      'includes': ['addon/compiled.gypi'],
      'sources': ['<!@(node scripts/sources.mjs interpreter)'],
    },
    {
      'target_name': 'ch-run-ts',
      'dependencies': ['interpreter', 'core'],
      'variables': {'program': 'ch-run-ts'},
      'includes': ['addon/program.gypi'],
    },
    {
      'target_name': 'ch-oci-ts',
      'dependencies': ['interpreter', 'core'],
      'variables': {'program': 'ch-oci-ts'},
      'includes': ['addon/program.gypi'],
    },
  ],
  'conditions': [
    [
      'pack_defines!="" and squashfs_defines!=""',
      {
        'targets': [
          {
            'target_name': 'ch-image-ts',
            'dependencies': ['core'],
            'variables': {'program': 'ch-image-ts'},
            'includes': ['addon/program.gypi'],
            'defines': [
              '<!@(node scripts/libraries.mjs pack defines)',
              '<!@(node scripts/libraries.mjs squashfs defines)',
            ],
            'cflags_cc': ['-pthread'],
            'ldflags': ['-pthread'],
            'libraries': [
              '<!@(node scripts/libraries.mjs pack libraries)',
              '<!@(node scripts/libraries.mjs squashfs libraries)',
            ],
            'conditions': [
              [
                'net!=""',
                {
                  'defines': ['CH_IMAGE_NET'],
                  'include_dirs': ['build/curl/source/include'],
                  'libraries': ['<@(net)'],
                },
              ],
            ],
          },
        ],
      },
    ],
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
            'sources': ['<!@(node scripts/sources.mjs server)'],
            'ldflags!': ['-rdynamic'],
            'ldflags': ['-pthread', '<!@(node scripts/libraries.mjs squashfs kind)'],
            'libraries': ['<!@(node scripts/libraries.mjs squashfs libraries)'],
          },
        ],
      },
    ],
  ],
}
