import { Kind, type ASTVisitor, type FragmentDefinitionNode, GraphQLError, type SelectionSetNode, type ValidationContext } from 'graphql';

/** Limits on what one request may ask; docs/operators.md lists them. */
export const LIMITS = {
  /** Bytes of a request body, counted before it is parsed. */
  bodyBytes: 256 * 1024,
  /** Lexical tokens of a document. */
  tokens: 2_000,
  /** Levels of fields below the operation. */
  depth: 12,
  /** Aliased fields in a document. */
  aliases: 30,
  /** Root fields of an operation. */
  rootFields: 20,
  /** Directives in a document. */
  directives: 50,
  /** Selections once fragments are unfolded. */
  recursiveSelections: 1_000,
  /** Items a page of a connection holds at most. */
  pageSize: 200,
} as const;

const tooMany = (what: string, found: number | string, limit: number): GraphQLError =>
  new GraphQLError(`The document has ${what}: ${found}; the limit is ${limit}.`, { extensions: { code: 'LIMIT_EXCEEDED' } });

/** Refuses documents that are too deep or too wide, before anything of them runs. Fragments are followed. */
export function limitsRule(context: ValidationContext): ASTVisitor {
  const document = context.getDocument();
  const fragments = new Map(document.definitions.filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]));
  const depths = new Map<string, number>();
  const depthOf = (set: SelectionSetNode | undefined, path: readonly string[]): number => {
    if (!set) return 0;
    let deepest = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) deepest = Math.max(deepest, 1 + depthOf(selection.selectionSet, path));
      else if (selection.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depthOf(selection.selectionSet, path));
      else deepest = Math.max(deepest, depthOfFragment(selection.name.value, path));
    }
    return deepest;
  };
  const depthOfFragment = (name: string, path: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    // A cycle is refused by a rule of the specification; here it must only end.
    if (path.includes(name)) return 0;
    const depth = depthOf(fragments.get(name)?.selectionSet, [...path, name]);
    depths.set(name, depth);
    return depth;
  };
  let aliases = 0;
  let directives = 0;
  return {
    Field: (node) => void (node.alias && (aliases += 1)),
    Directive: () => void (directives += 1),
    OperationDefinition: (node) => {
      const depth = depthOf(node.selectionSet, []);
      if (depth > LIMITS.depth) context.reportError(tooMany('levels of fields', depth, LIMITS.depth));
      const roots = node.selectionSet.selections.length;
      if (roots > LIMITS.rootFields) context.reportError(tooMany('root fields', roots, LIMITS.rootFields));
    },
    Document: {
      leave: () => {
        if (aliases > LIMITS.aliases) context.reportError(tooMany('aliases', aliases, LIMITS.aliases));
        if (directives > LIMITS.directives) context.reportError(tooMany('directives', directives, LIMITS.directives));
      },
    },
  };
}
