import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';
import { ConversationKind } from '../kinds.ts';

@ObjectType({
  description: 'A conversation: a chat of two, a group, a channel, or what passes between a customer and the business.',
})
export class Conversation {
  @Field(() => ID, { description: 'UUID of the conversation, made by Habeas.' })
  id!: string;
  @Field(() => ID, { description: 'UUID of the app it belongs to.' })
  appId!: string;
  @Field(() => ConversationKind, { description: 'Who can be in it.' })
  kind!: keyof typeof ConversationKind;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was opened on the platform.' })
  createdAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was archived on the platform.' })
  archivedAt!: Date | null;
  sealedExternalId!: Buffer;
  sealedName!: Buffer | null;
}

export const ConversationConnection = connectionType('Conversation', () => Conversation);

@ObjectType({ description: 'Somebody’s part in a conversation.' })
export class Participant {
  @Field(() => String, { nullable: true, description: 'Their role in it, in the platform’s own words.' })
  role!: string | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When they joined.' })
  joinedAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When they left; null while they take part.' })
  leftAt!: Date | null;
  userId!: string;
  conversationId!: string;
}

export const ParticipantConnection = connectionType('Participant', () => Participant);
