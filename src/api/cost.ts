import {
  getNamedType,
  GraphQLError,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Limits } from '../config.ts';
import { Refusal } from '../errors.ts';

/** Lists that no page size bounds are taken to hold so many. */
const OTHER_LIST = 10;

const listed = (type: GraphQLOutputType): boolean => (isNonNullType(type) ? listed(type.ofType) : isListType(type));

interface Cost {
  cost: number;
  largestPage: number;
}

/** Of operations whose pages are as large whatever their variables are. Apollo keeps documents that come again. */
const constant = new WeakMap<OperationDefinitionNode, Cost>();

/**
 * How many objects an operation may answer: each object counts one, a page as many as `first` asks for (variables included), any other list
 * OTHER_LIST. It is bounded itself: no document unfolds to more than `maxRecursiveSelections` selections.
 */
export function costOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Readonly<Record<string, unknown>>,
): Cost {
  const before = constant.get(operation);
  if (before) return before;
  let largestPage = 0;
  let varies = false;
  const defaults = new Map(
    (operation.variableDefinitions ?? []).flatMap((node) =>
      node.defaultValue?.kind === Kind.INT ? [[node.variable.name.value, Number(node.defaultValue.value)] as const] : [],
    ),
  );

  const pageOf = (node: FieldNode, standard: unknown): number => {
    const value = node.arguments?.find((argument) => argument.name.value === 'first')?.value;
    const given =
      value?.kind === Kind.INT
        ? Number(value.value)
        : value?.kind === Kind.VARIABLE
          ? (variables[value.name.value] ?? defaults.get(value.name.value))
          : undefined;
    varies ||= value?.kind === Kind.VARIABLE;
    const size = given ?? standard;
    const page = typeof size === 'number' && size > 0 ? size : 1;
    largestPage = Math.max(largestPage, page);
    return page;
  };

  const fieldCost = (node: FieldNode, parent: GraphQLObjectType, page: number): number => {
    const field = parent.getFields()[node.name.value];
    const type = field && getNamedType(field.type);
    if (!field || !isObjectType(type)) return 0;
    const paged = field.args.find((argument) => argument.name === 'first');
    if (paged) return 1 + setCost(node.selectionSet, type, pageOf(node, paged.defaultValue));
    // Within a connection its edges are as many as the page; what is below them is not a page any more.
    const times = listed(field.type) ? (page > 0 ? page : OTHER_LIST) : 1;
    return times * (1 + setCost(node.selectionSet, type, 0));
  };

  const setCost = (set: SelectionSetNode | undefined, parent: GraphQLObjectType, page: number): number => {
    let cost = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) cost += fieldCost(selection, parent, page);
      else if (selection.kind === Kind.INLINE_FRAGMENT) cost += setCost(selection.selectionSet, parent, page);
      else cost += setCost(fragments.get(selection.name.value)?.selectionSet, parent, page);
    }
    return cost;
  };

  const root = schema.getRootType(operation.operation);
  const cost = root ? setCost(operation.selectionSet, root, 0) : 0;
  if (!varies) constant.set(operation, { cost, largestPage });
  return { cost, largestPage };
}

const exceeded = (message: string): GraphQLError =>
  new GraphQLError(message, { originalError: new Refusal('LIMIT_EXCEEDED', message), extensions: { http: { status: 400 } } });

/** Refuses an operation whose answer could be too large. */
export function checkCost(limits: Limits, found: Cost): void {
  if (found.largestPage > limits.pageSize)
    throw exceeded(`The operation asks for a page of ${found.largestPage}; the limit is ${limits.pageSize}.`);
  if (found.cost > limits.cost)
    throw exceeded(`The operation may answer ${found.cost} objects; the limit is ${limits.cost}. Ask for smaller pages.`);
}
