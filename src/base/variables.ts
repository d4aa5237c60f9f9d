/** Variables of an environment, `NAME=VALUE` each. */

/** As with setenv(3) in turn: of variables with one name, the last, in the place of the first. */
export const lastOfEach = (variables: readonly string[]): readonly string[] => [
  ...new Map(variables.map((entry) => [entry.replace(/=.*/s, ''), entry])).values(),
];
