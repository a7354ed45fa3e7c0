import {
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  TypeNameMetaFieldDef,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { readDocument, type Said } from './document.ts';

/** What a field's value becomes in the answer. */
export type Shape =
  | { kind: 'leaf'; nonNull: boolean; type: GraphQLLeafType }
  | { kind: 'list'; nonNull: boolean; item: Shape }
  | { kind: 'object'; nonNull: boolean; fields: readonly PlannedField[]; blank: Readonly<Record<string, unknown>> };

/** One entry of an object in the answer. */
export interface PlannedField {
  key: string;
  nodes: readonly FieldNode[];
  definition: GraphQLField<unknown, unknown>;
  parent: GraphQLObjectType;
  shape: Shape;
  /** Undefined where they depend on variables. */
  args: Readonly<Record<string, unknown>> | undefined;
  /** Where an execution keeps the arguments that depend on its variables. */
  index: number;
}

/** An operation with everything worked out that does not depend on its variables. */
export interface Plan {
  schema: GraphQLSchema;
  operation: OperationDefinitionNode;
  fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  root: Shape & { kind: 'object' };
}

/** A plan is as large as its operation unfolds to, which HABEAS_LIMIT_SELECTIONS bounds: as many as fill some megabytes. */
const MOST = 100;
let plans = new WeakMap<OperationDefinitionNode, Plan | null>();
let made = 0;

/** The plan of an operation of a validated document. Undefined where it holds what is left to graphql itself: mutations, directives, introspection, types that are found out at run time. */
export function planOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Plan | undefined {
  let plan = plans.get(operation);
  if (plan?.schema === schema || plan === null) return plan ?? undefined;
  if (made >= MOST) {
    plans = new WeakMap();
    made = 0;
  }
  made += 1;
  plan = makePlan(schema, document, operation);
  plans.set(operation, plan);
  return plan ?? undefined;
}

function makePlan(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Plan | null {
  const said = readDocument(document);
  const root = schema.getQueryType();
  if (!said.plain || !root || operation.operation !== OperationTypeNode.QUERY || !isClosed(schema)) return null;
  let count = 0;

  const fieldsOf = (sets: readonly SelectionSetNode[], parent: GraphQLObjectType): PlannedField[] => {
    const collected = new Map<string, FieldNode[]>();
    const seen = new Set<string>();
    for (const set of sets) collect(set, parent, said, collected, seen);
    return [...collected].flatMap(([key, nodes]) => {
      const [node] = nodes as [FieldNode, ...FieldNode[]];
      const definition = node.name.value === '__typename' ? TypeNameMetaFieldDef : parent.getFields()[node.name.value];
      if (!definition) return [];
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      const shape = shapeOf(definition.type, below);
      return [{ key, nodes, definition, parent, shape, args: constantArguments(definition, node), index: count++ }];
    });
  };

  const shapeOf = (type: GraphQLOutputType, below: readonly SelectionSetNode[]): Shape => {
    const nonNull = isNonNullType(type);
    const bare = nonNull ? type.ofType : type;
    if (isListType(bare)) return { kind: 'list', nonNull, item: shapeOf(bare.ofType, below) };
    if (isLeafType(bare)) return { kind: 'leaf', nonNull, type: bare };
    return objectShape(bare as GraphQLObjectType, nonNull, below);
  };

  const objectShape = (type: GraphQLObjectType, nonNull: boolean, sets: readonly SelectionSetNode[]) => {
    const fields = fieldsOf(sets, type);
    return { kind: 'object' as const, nonNull, fields, blank: Object.fromEntries(fields.map(({ key }) => [key, null])) };
  };

  const fragments = Object.fromEntries(said.fragments);
  return { schema, operation, fragments, root: objectShape(root, false, [operation.selectionSet]) };
}

const closed = new WeakMap<GraphQLSchema, boolean>();

/** Whether every value of the schema has the type that is declared. */
function isClosed(schema: GraphQLSchema): boolean {
  let answer = closed.get(schema);
  if (answer === undefined) {
    const types = Object.values(schema.getTypeMap());
    answer = types.every((type) => !isAbstractType(type) && !(isObjectType(type) && type.isTypeOf));
    closed.set(schema, answer);
  }
  return answer;
}

/** The fields that a selection asks of a type, by their key in the answer, as section 6.3.2 of the specification collects them. */
function collect(
  set: SelectionSetNode,
  parent: GraphQLObjectType,
  said: Said,
  fields: Map<string, FieldNode[]>,
  seen: Set<string>,
): void {
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value;
      const nodes = fields.get(key);
      if (nodes) nodes.push(selection);
      else fields.set(key, [selection]);
      continue;
    }
    let fragment;
    if (selection.kind === Kind.INLINE_FRAGMENT) fragment = selection;
    else if (!seen.has(selection.name.value)) fragment = said.fragments.get(selection.name.value);
    if (selection.kind === Kind.FRAGMENT_SPREAD) seen.add(selection.name.value);
    const condition = fragment?.typeCondition?.name.value ?? parent.name;
    if (fragment && condition === parent.name) collect(fragment.selectionSet, parent, said, fields, seen);
  }
}

const NONE = Object.freeze({});

function constantArguments(
  definition: GraphQLField<unknown, unknown>,
  node: FieldNode,
): Readonly<Record<string, unknown>> | undefined {
  if (!definition.args.length) return NONE;
  if (node.arguments?.some(({ value }) => hasVariable(value))) return undefined;
  try {
    // All executions are given the same.
    return Object.freeze(getArgumentValues(definition, node));
  } catch {
    // What is wrong with them is told by the field, when it is executed.
    return undefined;
  }
}

function hasVariable(value: ValueNode): boolean {
  if (value.kind === Kind.LIST) return value.values.some(hasVariable);
  if (value.kind === Kind.OBJECT) return value.fields.some((field) => hasVariable(field.value));
  return value.kind === Kind.VARIABLE;
}
