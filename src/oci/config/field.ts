/** Tables of fields: their form, and what becomes of them. Everything about a field is in its row. */

/** What becomes of a field: it is carried out, or refused if it asks for something, or a warning says that it is not. */
export type Handling =
  | 'done'
  | { readonly refused: string }
  /** `rootOnly`: for others it makes no difference. */
  | { readonly warned: string; readonly rootOnly?: true };

export interface Field {
  readonly form:
    | 'text'
    | 'path'
    | 'flag'
    | 'count'
    | 'number'
    | 'texts'
    | 'paths'
    | 'counts'
    | 'assignments'
    | 'map'
    | 'any'
    | Fields;
  /** A list of such objects. */
  readonly list?: true;
  /** A map of such objects, by any name. */
  readonly each?: true;
  readonly required?: true;
  /** The only values that there are. */
  readonly values?: readonly string[];
  /** Of an object with rows of its own: `done` if absent. */
  readonly handling?: Handling;
  /** For the table in docs/oci.md. */
  readonly note?: string;
}

export type Fields = Readonly<Record<string, Field>>;

/** All rows with their whole names, from top to bottom. */
export function listFields(fields: Fields, prefix = ''): readonly (readonly [string, Field])[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${prefix}${name}${field.list ? '[]' : field.each ? '.*' : ''}`;
    const below = typeof field.form === 'object' ? listFields(field.form, `${path}.`) : [];
    return [[path, field] as const, ...below];
  });
}
