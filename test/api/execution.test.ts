import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  buildSchema,
  execute,
  getOperationAST,
  isListType,
  isNonNullType,
  isObjectType,
  getNamedType,
  parse,
  validate,
  type ExecutionResult,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
} from 'graphql';
import { executeOperation } from '../../src/api/executor.ts';

const FIELDS = `
  text: String
  must: String!
  echo(n: Int! = 3, words: [String!], in: Input): String
  node: Node
  sure: Node!
  list: [Node]
  strict: [Node!]!
  grid: [[Node!]]
  texts: [String]!
  kind: Kind
  plain: String
`;
const schema = buildSchema(
  `type Query { ${FIELDS} } type Node { ${FIELDS} } input Input { n: Int! = 1, words: [String] } enum Kind { A B }`,
);

/** What a field does: by its path, so that both executions meet the same. */
type Behaviour = (path: string) => 'value' | 'late' | 'later' | 'null' | 'throws' | 'rejects' | 'error' | 'nonsense';
interface World {
  behave: Behaviour;
  met: string[];
}

/** Known to fail: of what is made of it and left to itself the process hears. */
function rejected(message: string): Promise<never> {
  const promise = Promise.reject<never>(new Error(message));
  promise.catch(() => undefined);
  return promise;
}

const pathOf = (path: GraphQLResolveInfo['path'] | undefined): string => (path ? `${pathOf(path.prev)}/${path.key}` : '');

function valueOf(type: GraphQLOutputType, path: string, behave: Behaviour, args: object): unknown {
  const bare = isNonNullType(type) ? type.ofType : type;
  if (isListType(bare)) {
    return [0, 1].map((index) => {
      const at = `${path}/${index}`;
      const item = valueOf(bare.ofType, at, behave, args);
      switch (behave(at)) {
        case 'null':
          return null;
        case 'late':
          return Promise.resolve(item);
        case 'rejects':
          return rejected(`no item ${at}`);
        case 'error':
          return new Error(`an error as an item ${at}`);
        default:
          return item;
      }
    });
  }
  if (isObjectType(bare)) return { plain: `plain ${path}` };
  return bare.toString() === 'Kind' ? 'A' : `${path} ${JSON.stringify(args)}`;
}

for (const type of [schema.getQueryType()!, getNamedType(schema.getType('Node'))]) {
  if (!isObjectType(type)) throw new Error('no object');
  for (const field of Object.values(type.getFields())) {
    if (field.name === 'plain') continue;
    field.resolve = (_source, args: object, { behave, met }: World, info) => {
      const path = pathOf(info.path);
      met.push(path);
      const value = (): unknown => valueOf(info.returnType, path, behave, args);
      switch (behave(path)) {
        case 'null':
          return null;
        case 'late':
          return Promise.resolve(value());
        case 'later':
          return Promise.resolve().then(() => Promise.resolve().then(value));
        case 'throws':
          throw new Error(`thrown at ${path}`);
        case 'rejects':
          return rejected(`rejected at ${path}`);
        case 'error':
          return new Error(`returned at ${path}`);
        case 'nonsense':
          return Symbol.iterator;
        default:
          return value();
      }
    };
  }
}

const name = fc.constantFrom('text', 'must', 'kind', 'plain', 'texts', '__typename', 'x: text', 'y: kind');
const echo = fc.constantFrom(
  'echo',
  'e1: echo(n: 7)',
  'e2: echo(n: $n)',
  'e3: echo(words: ["a", $word], n: $none)',
  'e4: echo(in: {n: $n, words: "one"})',
  'e5: echo(words: null)',
  'e6: echo(n: $null)',
);
const object = fc.constantFrom('node', 'sure', 'list', 'strict', 'grid', 'z: node', 'w: list');
const { set } = fc.letrec<{ set: string; part: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    name,
    echo,
    fc.tuple(object, tie('set')).map(([field, below]) => `${field} ${below}`),
    fc.tuple(fc.constantFrom('... on Node', '...'), tie('set')).map(([on, below]) => `${on} ${below}`),
    fc.constant('...F'),
  ),
  set: fc.array(tie('part'), { minLength: 1, maxLength: 5 }).map((parts) => `{ ${parts.join(' ')} }`),
}));
const document = fc
  .tuple(set, set)
  .map(
    ([root, fragment]) =>
      `query ($n: Int! = 2, $word: String! = "w", $none: Int! = 5, $null: Int = 1) { node ${root} list { ...F } ...G } fragment F on Node ${fragment.replaceAll('...F', 'text')} fragment G on Query { sure { ...F } must text }`,
  )
  .map((text) => parse(text))
  .filter((parsed) => validate(schema, parsed).length === 0);

interface Answer {
  result: ExecutionResult;
  met: string[];
}

async function both(
  parsed: ReturnType<typeof parse>,
  behave: Behaviour,
  variables: Record<string, unknown> = { n: 4, null: null },
): Promise<{ theirs: Answer; ours: Answer }> {
  const theirs: World = { behave, met: [] };
  const ours: World = { behave, met: [] };
  const expected = await execute({ schema, document: parsed, contextValue: theirs, variableValues: variables });
  const operation = getOperationAST(parsed)!;
  const found = await executeOperation(schema, parsed, operation, { variables }, ours);
  return { theirs: { result: expected, met: theirs.met }, ours: { result: found, met: ours.met } };
}

const text = (answer: ExecutionResult): string =>
  JSON.stringify({ ...answer, errors: answer.errors?.map((error) => error.toJSON()) });

/** The same, whatever the order in which things that take their time have failed. */
const textInAnyOrder = ({ errors, data }: ExecutionResult): string =>
  JSON.stringify({ errors: errors?.map((error) => JSON.stringify(error.toJSON())).toSorted(), data });

/** By a path and a number, any of what is given. */
const pick = <T>(path: string, seed: number, from: readonly T[]): T => {
  let hash = seed;
  for (const char of path) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return from[(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 8) % from.length]!;
};

test('an operation that goes well is answered as graphql itself answers it, to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(document, fc.integer(), async (parsed, seed) => {
      const { theirs, ours } = await both(parsed, (path) => pick(path, seed, ['value', 'late', 'later']));
      expect(text(ours.result)).toBe(text(theirs.result));
      expect(ours.met.toSorted().join('\n')).toBe(theirs.met.toSorted().join('\n'));
    }),
  );
});

test('one failure, wherever it is, nulls the same and is told in the same words, with its path and its places', async () => {
  await fc.assert(
    fc.asyncProperty(document, fc.integer(), fc.nat(), async (parsed, seed, which) => {
      const calm: Behaviour = (path) => pick(path, seed, ['value', 'late', 'later']);
      const { met } = (await both(parsed, calm, { null: 7 })).theirs;
      const there = met.flatMap((path) => [path, `${path}/0`, `${path}/1`, `${path}/1/0`]);
      const bad = there[which % there.length]!;
      const how = pick(bad, seed + 1, ['null', 'throws', 'rejects', 'error', 'nonsense'] as const);
      const { theirs, ours } = await both(parsed, (path) => (path === bad ? how : calm(path)), { null: 7 });
      expect(textInAnyOrder(ours.result)).toBe(textInAnyOrder(theirs.result));
    }),
    { numRuns: 200 },
  );
});

test('whatever throws at once, the same is null and the same is told in the same order', async () => {
  await fc.assert(
    fc.asyncProperty(document, fc.integer(), async (parsed, seed) => {
      const pool = ['value', 'value', 'value', 'value', 'null', 'throws', 'error', 'nonsense'] as const;
      const { theirs, ours } = await both(parsed, (path) => pick(path, seed, pool));
      expect(text(ours.result)).toBe(text(theirs.result));
      expect(ours.met.join('\n')).toBe(theirs.met.join('\n'));
    }),
    { numRuns: 200 },
  );
});

test('whatever is rejected at once, the same is null; which errors are told for one null depends on which came first', async () => {
  await fc.assert(
    fc.asyncProperty(document, fc.integer(), async (parsed, seed) => {
      const { theirs, ours } = await both(parsed, (path) =>
        pick(path, seed, ['value', 'value', 'late', 'late', 'later', 'rejects']),
      );
      expect(JSON.stringify(ours.result.data)).toBe(JSON.stringify(theirs.result.data));
      expect(Boolean(ours.result.errors?.length)).toBe(Boolean(theirs.result.errors?.length));
    }),
    { numRuns: 200 },
  );
});

test('an answer waits for no more than it holds: what a failed field left to itself asks for nothing more', async () => {
  const parsed = parse('{ node { must sure { text sure { text } } } }');
  const asked: World = { behave: (path) => (path.endsWith('/must') ? 'rejects' : 'later'), met: [] };
  const answer = await executeOperation(schema, parsed, getOperationAST(parsed)!, {}, asked);
  expect(answer.data).toEqual({ node: null });
  const before = asked.met.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked.met).toHaveLength(before);
});
