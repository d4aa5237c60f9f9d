/** A table of kinds of steps: what a step of each kind contains, and its fields in the wire format. */
export type Kinds = { readonly [kind: string]: (step: never) => readonly string[] };

/** The steps of a table. */
export type StepOf<Table extends Kinds> = {
  readonly [Kind in keyof Table]: Parameters<Table[Kind]> extends [infer Fields]
    ? { readonly kind: Kind } & Fields
    : { readonly kind: Kind };
}[keyof Table];
