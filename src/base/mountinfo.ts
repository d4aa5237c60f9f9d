/** A path in a table of proc_pid_mountinfo(5): blanks, tabs, newlines and backslashes are octal numbers there. */
export const unescapePath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
