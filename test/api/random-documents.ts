import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';

/** Numbers from a seed (mulberry32), so that a failure can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const NASTY = ['', '\u0000', "'; drop table users; --", '%', '\ud800', '🦊', '../../etc/passwd', 'x'.repeat(300), '{}', 'null'];

/** Documents that the schema allows, of any field with any arguments, and broken ones made of them. */
export function documents(schema: GraphQLSchema, seed: number, ids: readonly string[]): { valid(): string; broken(): string } {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

  const value = (type: GraphQLInputType): string => {
    if (isNonNullType(type)) return value(type.ofType);
    if (isListType(type)) return `[${Array.from({ length: Math.floor(random() * 3) }, () => value(type.ofType)).join(', ')}]`;
    if (isEnumType(type)) return pick(type.getValues()).name;
    if (isInputObjectType(type))
      return `{${Object.values(type.getFields())
        .map((field) => `${field.name}: ${value(field.type)}`)
        .join(', ')}}`;
    switch (type.name) {
      case 'Int':
        return String(pick([-1, 0, 1, 2, 5, 50, 200, 201, 2147483647]));
      case 'Float':
        return String(pick([-0.5, 0, 1e300]));
      case 'Boolean':
        return String(random() < 0.5);
      case 'ID':
        return JSON.stringify(random() < 0.7 ? pick(ids) : pick(NASTY));
      case 'DateTimeISO':
        return JSON.stringify(pick(['2026-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', 'yesterday']));
      case 'JSON':
        return pick(['{}', '[]', '{type: "user", externalId: "z"}', '1', 'null']);
      default:
        return JSON.stringify(random() < 0.5 ? pick(NASTY) : pick(ids));
    }
  };

  const selection = (type: GraphQLObjectType, depth: number): string => {
    const fields = Object.values(type.getFields()).filter(
      (field) => isLeafType(getNamedType(field.type)) || (depth > 0 && random() < 0.5),
    );
    const chosen = fields
      .filter(() => random() < 0.6)
      .map((field) => {
        const args = field.args
          .filter((argument) => isNonNullType(argument.type) || random() < 0.4)
          .map((argument) => `${argument.name}: ${value(argument.type)}`);
        const named = getNamedType(field.type);
        return `${field.name}${args.length ? `(${args.join(', ')})` : ''}${isObjectType(named) ? ` ${selection(named, depth - 1)}` : ''}`;
      });
    return `{ ${chosen.length ? chosen.join(' ') : '__typename'} }`;
  };

  const valid = (): string => {
    const mutation = random() < 0.3;
    const root = (mutation ? schema.getMutationType() : schema.getQueryType())!;
    // Several at a time: where one of them fails early, the others have more to look up behind the answer.
    const fields = Array.from({ length: random() < 0.5 ? 1 : 2 + Math.floor(random() * 4) }, (_, index) => {
      const field = pick(Object.values(root.getFields()));
      const args = field.args
        .filter((argument) => isNonNullType(argument.type) || random() < 0.5)
        .map((argument) => `${argument.name}: ${value(argument.type)}`);
      const named = getNamedType(field.type);
      return `f${index}: ${field.name}${args.length ? `(${args.join(', ')})` : ''}${isObjectType(named) ? ` ${selection(named, 3)}` : ''}`;
    });
    return `${mutation ? 'mutation' : 'query'} { ${fields.join(' ')} }`;
  };

  const broken = (): string => {
    let text = valid();
    for (let i = 0; i <= Math.floor(random() * 4); i += 1) {
      const at = Math.floor(random() * text.length);
      const end = at + Math.floor(random() * 8);
      const insert = pick([
        '{',
        '}',
        '(',
        ')',
        '"',
        '"""',
        '@skip',
        '...',
        '$',
        '#',
        '\u0000',
        'idd',
        '__schema',
        ':',
        '[',
        '\\u{110000}',
        'fragment f on User { ...f }',
        '🦊',
      ]);
      text = random() < 0.5 ? text.slice(0, at) + text.slice(end) : text.slice(0, at) + insert + text.slice(at);
    }
    return text;
  };
  return { valid, broken };
}
