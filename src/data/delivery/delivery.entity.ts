import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';

@ObjectType({
  description: 'Traffic data: one attempt to deliver something to a person (a call detail record, a delivery receipt).',
})
export class DeliveryRecord {
  @Field(() => ID, { description: 'UUIDv7 of the record, made by Habeas from its time.' })
  id!: string;
  @Field(() => String, { description: 'Its id on the platform, unique in its app.' })
  externalId!: string;
  @Field(() => ID, { description: 'UUID of the person it was for.' })
  userId!: string;
  @Field(() => ID, {
    nullable: true,
    description: 'UUID of the message it delivered; null where none is known, or it was deleted.',
  })
  messageId!: string | null;
  @Field(() => String, { description: 'The channel, in the platform’s own words.' })
  channel!: string;
  @Field(() => String, { description: 'How it went, in the platform’s own words.' })
  status!: string;
  @Field(() => GraphQLISODateTime, { description: 'When.' })
  at!: Date;
  sealedSource!: Buffer | null;
  sealedDestination!: Buffer | null;
}

export const DeliveryConnection = connectionType('DeliveryRecord', () => DeliveryRecord);
