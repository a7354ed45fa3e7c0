import { Field, Int, ObjectType } from 'type-graphql';

@ObjectType({ description: 'How many of one kind were taken over.' })
export class IngestCount {
  @Field(() => String, {
    description:
      'The kind: `user`, `conversation`, `participant`, `message`, `mention`, `reaction`, `attachment`, `call`, `delivery`, `businessLink`.',
  })
  what!: string;

  @Field(() => Int, { description: 'New ones.' })
  created!: number;

  @Field(() => Int, { description: 'Held before, and brought up to date: edits and deletions of messages among them.' })
  updated!: number;

  @Field(() => Int, { description: 'Held before, just so.' })
  unchanged!: number;
}

/** Counts by `<what>.<outcome>` as a table, in the order of the kinds' names. */
export function tabulate(counts: ReadonlyMap<string, number>): IngestCount[] {
  const rows = new Map<string, IngestCount>();
  for (const [name, by] of counts) {
    const [what, outcome] = name.split('.') as [string, 'created' | 'updated' | 'unchanged'];
    let row = rows.get(what);
    if (!row) rows.set(what, (row = { what, created: 0, updated: 0, unchanged: 0 }));
    row[outcome] = by;
  }
  return [...rows.values()].sort((a, b) => (a.what < b.what ? -1 : 1));
}
