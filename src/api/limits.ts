import {
  Kind,
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { Limits } from '../config.ts';
import { Refusal } from '../errors.ts';

/** Apollo gives every error of a validation rule its own code; ours is found again in the original error. */
const tooMany = (what: string, found: number, limit: number): GraphQLError => {
  const refusal = new Refusal('LIMIT_EXCEEDED', `The document has ${found} ${what}; the limit is ${limit}.`);
  return new GraphQLError(refusal.message, { originalError: refusal });
};

/** Levels of fields below a selection set; fragments are followed, each once. A cycle is refused by a rule of the specification; here it must only end. */
function depthMeter(fragments: ReadonlyMap<string, FragmentDefinitionNode>): (set: SelectionSetNode | undefined) => number {
  const known = new Map<string, number>();
  const measure = (set: SelectionSetNode | undefined, path: readonly string[]): number => {
    let deepest = 0;
    for (const selection of set?.selections ?? []) {
      // Introspection is deeper than any question about data, and bounded by a rule of the library.
      if (selection.kind === Kind.FIELD)
        deepest = Math.max(deepest, 1 + (selection.name.value.startsWith('__') ? 0 : measure(selection.selectionSet, path)));
      else if (selection.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, measure(selection.selectionSet, path));
      else deepest = Math.max(deepest, ofFragment(selection.name.value, path));
    }
    return deepest;
  };
  const ofFragment = (name: string, path: readonly string[]): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    if (path.includes(name)) return 0;
    const depth = measure(fragments.get(name)?.selectionSet, [...path, name]);
    known.set(name, depth);
    return depth;
  };
  return (set) => measure(set, []);
}

/** Root fields once fragments are unfolded: an alias apart, the same field twice is one. */
function rootFields(set: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>, seen: Set<string>): number {
  let count = 0;
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) count += 1;
    else if (selection.kind === Kind.INLINE_FRAGMENT) count += rootFields(selection.selectionSet, fragments, seen);
    else if (!seen.has(selection.name.value)) {
      seen.add(selection.name.value);
      const fragment = fragments.get(selection.name.value);
      if (fragment) count += rootFields(fragment.selectionSet, fragments, seen);
    }
  }
  return count;
}

/** Refuses documents that are too deep or too wide, before anything of them runs. */
export function limitsRule(limits: Limits): ValidationRule {
  return (context: ValidationContext): ASTVisitor => {
    const definitions = context.getDocument().definitions;
    const fragments = new Map(
      definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
    );
    const depthOf = depthMeter(fragments);
    let aliases = 0;
    let directives = 0;
    const check = (what: string, found: number, limit: number): void => {
      if (found > limit) context.reportError(tooMany(what, found, limit));
    };
    return {
      Field: (node) => void (node.alias && (aliases += 1)),
      Directive: () => void (directives += 1),
      OperationDefinition: (node) => {
        check('levels of fields', depthOf(node.selectionSet), limits.depth);
        check('root fields', rootFields(node.selectionSet, fragments, new Set()), limits.rootFields);
      },
      Document: {
        leave: () => {
          check('aliases', aliases, limits.aliases);
          check('directives', directives, limits.directives);
        },
      },
    };
  };
}

/** Brackets inside one another, in a JSON body or in the text of a document; those within strings count too, which costs nobody honest anything. */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charCodeAt(i);
    if (char === 0x7b || char === 0x5b || char === 0x28) deepest = Math.max(deepest, (depth += 1));
    else if (char === 0x7d || char === 0x5d || char === 0x29) depth = Math.max(0, depth - 1);
  }
  return deepest;
}
