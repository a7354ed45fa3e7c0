import { Kind, visit, type DocumentNode, type FragmentDefinitionNode } from 'graphql';

/** What a document says of itself, whatever its variables are. */
export interface Said {
  introspects: boolean;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/** Apollo keeps documents that come again, parsed and validated: of those nothing is asked twice. */
const known = new WeakMap<DocumentNode, Said>();

export function readDocument(document: DocumentNode): Said {
  const before = known.get(document);
  if (before) return before;
  const said: Said = {
    introspects: false,
    fragments: new Map(
      document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
    ),
  };
  visit(document, {
    [Kind.FIELD]: ({ name }) => void (said.introspects ||= name.value === '__schema' || name.value === '__type'),
  });
  known.set(document, said);
  return said;
}
