import 'reflect-metadata';
import { assertValidSchema, lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { buildSchema, type AuthChecker, type NonEmptyArray } from 'type-graphql';
import { Refusal } from '../errors.ts';
import type { Context } from '../scope/context.ts';
import type { Permission } from '../scope/permissions.ts';
import { resolveDirectly } from './direct-fields.ts';
import { RESOLVERS } from './resolvers.ts';

/** May this act be done? Each root field names the permission; several mean any one of them.  */
const authChecker: AuthChecker<Context, Permission> = ({ context, info }, permissions) => {
  const { scope } = context.request;
  if (permissions.some((permission) => scope.permissions.has(permission))) return true;
  throw new Refusal('FORBIDDEN', `${info.fieldName}: this token does not hold ${permissions.join(' or ')}.`);
};

export async function makeSchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: RESOLVERS as unknown as NonEmptyArray<Function>,
    authChecker,
    validate: false,
    // Whether it is valid is asked where its text is made, for schema.graphql, and by the first operation.
    skipCheck: true,
  });
  return resolveDirectly(schema);
}

/** The contract as committed in schema.graphql. */
export async function schemaText(): Promise<string> {
  const schema = await makeSchema();
  assertValidSchema(schema);
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
