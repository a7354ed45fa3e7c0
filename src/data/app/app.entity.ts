import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';

@ObjectType({ description: 'An app: one messaging workspace, brand or product of a tenant.' })
export class App {
  @Field(() => ID, { description: 'UUID of the app.' })
  id!: string;
  @Field(() => String, { description: 'Its name.' })
  name!: string;
  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date;
}
