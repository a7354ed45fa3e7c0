import { Kind, type FieldNode, type GraphQLResolveInfo, type SelectionNode } from 'graphql';

type Document = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>;

/** What was found out for the field of a document that is executed often. */
const known = new WeakMap<Document['fieldNodes'], ReadonlySet<string>>();

/** The names of the fields that a connection's field asks of its nodes; those that a directive leaves out are among them. */
export function askedOfNodes({ fieldNodes, fragments }: Document): ReadonlySet<string> {
  let names = known.get(fieldNodes);
  if (!names) {
    const under = (fields: readonly FieldNode[], name: string): FieldNode[] =>
      fieldsOf(fields.filter((field) => field.name.value === name).flatMap(selectionsOf), fragments);
    const nodes = under(under(fieldsOf(fieldNodes.flatMap(selectionsOf), fragments), 'edges'), 'node');
    known.set(fieldNodes, (names = new Set(nodes.map(({ name }) => name.value))));
  }
  return names;
}

const selectionsOf = ({ selectionSet }: Pick<FieldNode, 'selectionSet'>): readonly SelectionNode[] =>
  selectionSet?.selections ?? [];

/** The fields of a selection and of its fragments: in a validated document none is within itself. */
function fieldsOf(selections: readonly SelectionNode[], fragments: Document['fragments']): FieldNode[] {
  return selections.flatMap((one) => {
    if (one.kind === Kind.FIELD) return [one];
    const fragment = one.kind === Kind.INLINE_FRAGMENT ? one : fragments[one.name.value];
    return fragment ? fieldsOf(selectionsOf(fragment), fragments) : [];
  });
}
