/** Variables whose values may be secrets: no fact, and so no remembered plan, contains them. */

/** The variables that set variables. */
export const settingVariables = ['CH_RUN_SET_ENV', 'CH_RUN_SET_ENV0'];

/** A variable `NAME=VALUE` of the environment as a fact: without the values that it sets. */
export function withoutValues(entry: string): string {
  const name = entry.slice(0, entry.indexOf('='));
  if (!settingVariables.includes(name)) return entry;
  const items = entry.slice(name.length + 1).split(';');
  return `${name}=${items.map((item) => (item.includes('=') ? item.slice(0, item.indexOf('=') + 1) : item)).join(';')}`;
}
