import { isObjectType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import type { Context } from '../scope/context.ts';

type Metadata = ReturnType<typeof getMetadataStorage>;
type FieldResolver = Metadata['fieldResolvers'][number];
type Resolve = GraphQLFieldResolver<unknown, Context>;
type Read = (source: unknown, context: Context) => unknown;

/**
 * Has the fields of objects resolved without what type-graphql does around each: it copies the row into an instance of its class, sorts the parameters
 * anew and asks for middleware. Only where there is nothing of the kind: a field with a permission, with middleware or with arguments stays as it is, and
 * so does every field of Query and Mutation, which are no objects with rows.
 */
export function resolveDirectly(schema: GraphQLSchema): GraphQLSchema {
  const { objectTypes, fieldResolvers } = getMetadataStorage();
  for (const { name, fields = [] } of objectTypes) {
    const type = schema.getType(name);
    if (!isObjectType(type)) continue;
    for (const metadata of fields) {
      const field = type.getFields()[metadata.schemaName];
      if (!field || isGuarded(metadata)) continue;
      const resolver = fieldResolvers.find(
        (one) => one.getObjectType?.() === metadata.target && one.methodName === metadata.name,
      );
      if (!resolver) field.resolve = metadata.name === metadata.schemaName ? undefined : field.resolve;
      else if (!isGuarded(resolver)) field.resolve = direct(resolver) ?? field.resolve;
    }
  }
  return schema;
}

const isGuarded = ({ roles, middlewares }: Pick<FieldResolver, 'roles' | 'middlewares'>): boolean =>
  roles !== undefined || Boolean(middlewares?.length);

function direct({ kind, target, methodName, params = [] }: FieldResolver): Resolve | undefined {
  const reads = [...params].sort((a, b) => a.index - b.index).map(readerOf);
  if (kind !== 'external' || !reads.every((read) => read !== undefined)) return undefined;
  const instance = new (target as new () => Record<string, (...given: unknown[]) => unknown>)();
  const method = instance[methodName]!.bind(instance);
  const [first, second] = reads;
  if (!first) return () => method();
  if (!second) return (source, _args, context) => method(first(source, context));
  if (reads.length === 2) return (source, _args, context) => method(first(source, context), second(source, context));
  return (source, _args, context) => method(...reads.map((read) => read(source, context)));
}

function readerOf(param: NonNullable<FieldResolver['params']>[number]): Read | undefined {
  if (param.kind !== 'root' && param.kind !== 'context') return undefined;
  const { kind, propertyName } = param;
  const whole: Read = kind === 'root' ? (source) => source : (_source, context) => context;
  return propertyName ? (source, context) => (whole(source, context) as Record<string, unknown>)[propertyName] : whole;
}
