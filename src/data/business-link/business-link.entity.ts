import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';

@ObjectType({ description: 'Where a business system speaks of a person: a ticket, a customer record.' })
export class BusinessLink {
  @Field(() => ID, { description: 'UUID of the link, made by Habeas.' })
  id!: string;
  @Field(() => ID, { description: 'UUID of the person.' })
  userId!: string;
  @Field(() => String, { description: 'The system, by the name the platform gave it.' })
  system!: string;
  @Field(() => GraphQLISODateTime, { description: 'When Habeas learned of it.' })
  createdAt!: Date;
  sealedReference!: Buffer;
}

export const BusinessLinkConnection = connectionType('BusinessLink', () => BusinessLink);
