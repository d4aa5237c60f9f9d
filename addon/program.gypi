{
  # A program that users type (scripts/programs.mjs), called <(program). It must start fast: nothing to load, or else but
  # the C library.
  'type': 'executable',
  'includes': ['compiled.gypi'],
  'sources': ['<!@(node scripts/sources.mjs <(program))'],
  'ldflags!': ['-rdynamic'],
  'ldflags': [
    '-flto=auto',
    '-static-libstdc++',
    '-static-libgcc',
    '<!@(node scripts/libraries.mjs libc libraries)',
    '-Wl,-z,now',
    '-Wl,--as-needed',
    '-Wl,--gc-sections',
    '-Wl,--build-id=sha1',
    # a cold start reads the whole file, symbols, too
    '-Wl,--strip-all',
    # addon/base/unwinding.cc
    '-Wl,--eh-frame-hdr',
    '-Wl,--wrap=__register_frame_info',
    '-Wl,--wrap=__deregister_frame_info',
  ],
  # shm_open(3), before glibc 2.34
  'libraries': ['-lrt'],
  'conditions': [
    ['seccomp_defines!=""', {'libraries': ['<!@(node scripts/libraries.mjs seccomp libraries)']}],
    [
      'quickjs!=""',
      {
        'sources': ['../build/quickjs/<(program).S'],
        'libraries': ['<(quickjs)/libquickjs.a', '-lm'],
      },
    ],
  ],
}
