import { Kind, visit, type DocumentNode, type FragmentDefinitionNode } from 'graphql';

/** What a document says of itself, whatever its variables are. */
export interface Said {
  introspects: boolean;
  /** It has neither directives, nor meta fields but `__typename`, nor a name that is special to an object. */
  plain: boolean;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/** Apollo keeps documents that come again, parsed and validated: of those nothing is asked twice. */
const known = new WeakMap<DocumentNode, Said>();

export function readDocument(document: DocumentNode): Said {
  const before = known.get(document);
  if (before) return before;
  const said: Said = {
    introspects: false,
    plain: true,
    fragments: new Map(
      document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
    ),
  };
  visit(document, {
    [Kind.DIRECTIVE]: () => void (said.plain = false),
    [Kind.FIELD]: ({ name, alias }) => {
      if (name.value === '__schema' || name.value === '__type') said.introspects = true;
      if ((name.value.startsWith('__') && name.value !== '__typename') || alias?.value === '__proto__') said.plain = false;
    },
  });
  known.set(document, said);
  return said;
}
