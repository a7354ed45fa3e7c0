import {
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** A root field of the schema, found by introspection, with a document that selects all it can answer. */
export interface Operation {
  name: string;
  kind: 'query' | 'mutation';
  args: readonly GraphQLArgument[];
  /** The named arguments are given as variables of the same names. */
  document(given: readonly string[]): string;
  /** The field with its selection alone, under an alias, its variables renamed: to be put beside others. */
  fragment(alias: string, given: readonly string[]): { variables: string; field: string };
}

/** Everything a type answers, down to types that stand above on the path already: of those the plain fields. */
function select(type: GraphQLObjectType, path: readonly GraphQLObjectType[], page: number): string {
  const met = path.filter((one) => one === type).length;
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const named = getNamedType(field.type);
    if (isLeafType(named)) return [field.name];
    if (!isObjectType(named) || met > 0 || field.args.some(isRequiredArgument)) return [];
    const paged = field.args.some(({ name }) => name === 'first') ? `(first: ${page})` : '';
    return [`${field.name}${paged} ${select(named, [...path, type], page)}`];
  });
  return `{ __typename ${fields.join(' ')} }`;
}

function operation(kind: Operation['kind'], field: GraphQLField<unknown, unknown>, page: number): Operation {
  const named = getNamedType(field.type);
  const selection = isObjectType(named) ? select(named, [], page) : '';
  const declare = (given: readonly string[], as: (name: string) => string): { variables: string; call: string } => {
    const args = field.args.filter(({ name }) => given.includes(name));
    const inside = args.map(({ name }) => `${name}: $${as(name)}`).join(', ');
    return {
      variables: args.map(({ name, type }) => `$${as(name)}: ${String(type)}`).join(', '),
      call: `${field.name}${inside ? `(${inside})` : ''} ${selection}`,
    };
  };
  return {
    name: field.name,
    kind,
    args: field.args,
    document(given) {
      const { variables, call } = declare(given, (name) => name);
      return `${kind} ${variables ? `(${variables})` : ''} { ${call} }`;
    },
    fragment(alias, given) {
      const { variables, call } = declare(given, (name) => `${alias}_${name}`);
      return { variables, field: `${alias}: ${call}` };
    },
  };
}

/** Every root field there is. A new one is among them without anybody adding it. */
export function operationsOf(schema: GraphQLSchema, page = 3): Operation[] {
  const of = (kind: Operation['kind'], type: GraphQLObjectType | null | undefined): Operation[] =>
    Object.values(type?.getFields() ?? {}).map((field) => operation(kind, field, page));
  return [...of('query', schema.getQueryType()), ...of('mutation', schema.getMutationType())];
}

export const isId = ({ type }: Pick<GraphQLArgument, 'type'>): boolean => getNamedType(type).name === 'ID';

const WORDS: Record<string, unknown> = {
  Int: 3600,
  Float: 1,
  Boolean: false,
  String: 'a word',
  JSON: {},
  DateTimeISO: '2026-12-31T00:00:00.000Z',
};

/** A value of a type that says nothing in particular. */
export function someValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return someValue(type.ofType);
  if (isListType(type)) return [];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  return WORDS[getNamedType(type).name] ?? null;
}
