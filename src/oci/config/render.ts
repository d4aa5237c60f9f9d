/** The table of fields in docs/oci.md. */
import { type Field, listFields } from './field.js';
import { configFields } from './fields.js';

function meaning({ handling = 'done', note, form }: Field): string {
  if (typeof form === 'object' && handling === 'done') return '';
  if (handling === 'done') return note ? `carried out; ${note}` : 'carried out';
  return 'refused' in handling ? `refused: ${handling.refused}` : `warning: ${handling.warned}`;
}

export function renderFields(): string {
  const rows = listFields(configFields)
    .map(([path, field]) => [path, meaning(field)] as const)
    .filter(([, text]) => text !== '')
    .map(([path, text]) => `| \`${path}\` | ${text} |`);
  return ['| field | what becomes of it |', '| --- | --- |', ...rows, ''].join('\n');
}
