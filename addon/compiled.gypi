{
  # How programs that users type, and what they share, are compiled: optimized as a whole, since a smaller program starts
  # faster.
  'defines': ['CH_RUN_NODE="<!(node -p process.execPath)"', '_GNU_SOURCE'],
  'cflags_cc': ['-flto=auto', '-ffunction-sections', '-fdata-sections'],
  'conditions': [
    ['squashfs_defines!=""', {'defines': ['CH_RUN_SQUASH']}],
    ['seccomp_defines!=""', {'defines': ['CH_RUN_SECCOMP']}],
    [
      'quickjs!=""',
      {
        'defines': ['CH_RUN_QUICKJS="<!(node scripts/quickjs.mjs version)"'],
        'include_dirs': ['../build/quickjs/source'],
      },
    ],
  ],
}
