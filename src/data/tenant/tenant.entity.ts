import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';

@ObjectType({ description: 'A tenant: one customer of the platform, whose data no other tenant sees.' })
export class Tenant {
  @Field(() => ID, { description: 'UUID of the tenant.' })
  id!: string;
  @Field(() => String, { description: 'Its name, as the provider calls it.' })
  name!: string;
  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was erased with everything in it.' })
  erasedAt!: Date | null;
}
