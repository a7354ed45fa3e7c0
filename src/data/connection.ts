import { Field, ObjectType, type ClassType } from 'type-graphql';
import { cursorOf, type Window } from './page.ts';

@ObjectType({ description: 'Where a page ends, and whether more follows.' })
class PageInfo {
  @Field(() => Boolean, { description: 'True if there is a further page.' })
  hasNextPage!: boolean;
  @Field(() => String, { nullable: true, description: 'Cursor of the last edge, to be given as `after`; null on an empty page.' })
  endCursor!: string | null;
}

/** A page of a list, as Relay's connections are shaped. There is no total: counting is what whatIsHeld is for. */
export interface Connection<T> {
  edges: { cursor: string; node: T }[];
  pageInfo: PageInfo;
}

/** Makes the types `<name>Connection` and `<name>Edge`, and answers the former. */
export function connectionType(name: string, node: () => ClassType): ClassType<Connection<object>> {
  @ObjectType(`${name}Edge`, { description: `One place in a page of ${name} nodes.` })
  class Edge {
    @Field(() => String, { description: 'Opaque; names this place in the list.' })
    cursor!: string;
    @Field(node, { description: 'What stands there.' })
    node!: object;
  }
  @ObjectType(`${name}Connection`, { description: `A page of ${name} nodes.` })
  class Page {
    @Field(() => [Edge], { description: 'The page, in the order asked for.' })
    edges!: Edge[];
    @Field(() => PageInfo, { description: 'Whether more follows, and from where.' })
    pageInfo!: PageInfo;
  }
  return Page;
}

/** One place in a page. Its cursor is made where it is asked for. */
class Place<T> {
  constructor(
    readonly id: string,
    readonly node: T,
  ) {}

  get cursor(): string {
    return cursorOf(this.id);
  }
}

/** Shapes what a window found, one row more than asked for if there are more. */
export function connect<T>(rows: readonly T[], window: Window, idOf: (row: T) => string): Connection<T> {
  const edges = rows.slice(0, window.limit - 1).map((node) => new Place(idOf(node), node));
  return { edges, pageInfo: { hasNextPage: rows.length >= window.limit, endCursor: edges.at(-1)?.cursor ?? null } };
}
