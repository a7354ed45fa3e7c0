import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';
import { Direction, MessageKind } from '../kinds.ts';

@ObjectType({
  description:
    'A message. Of one that was deleted, a place without author and text is left where others answered it (kind TOMBSTONE).',
})
export class Message {
  @Field(() => ID, { description: 'UUIDv7 of the message, made by Habeas from the time it was sent.' })
  id!: string;
  @Field(() => String, { description: 'Its id on the platform, unique in its conversation.' })
  externalId!: string;
  @Field(() => GraphQLISODateTime, { description: 'When it was sent.' })
  sentAt!: Date;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was last edited.' })
  editedAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was deleted; null while it is there.' })
  deletedAt!: Date | null;
  @Field(() => MessageKind, { description: 'What it is.' })
  kind!: keyof typeof MessageKind;
  @Field(() => String, { nullable: true, description: 'The channel it went through, in the platform’s own words.' })
  channel!: string | null;
  @Field(() => Direction, { nullable: true, description: 'Which way it went; null in conversations among equals.' })
  direction!: keyof typeof Direction | null;
  @Field(() => String, { nullable: true, description: 'The campaign it was sent for.' })
  campaignId!: string | null;
  conversationId!: string;
  authorId!: string | null;
  /** Whose data it is first of all: its author's, or the customer's in a personal conversation. */
  subjectId!: string | null;
  replyToId!: string | null;
  sealedBody!: Buffer | null;
  sealedMetadata!: Buffer | null;
}

export const MessageConnection = connectionType('Message', () => Message);

@ObjectType({ description: 'A reaction to a message.' })
export class Reaction {
  @Field(() => String, { description: 'The emoji, as the platform writes it.' })
  emoji!: string;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When; null where the platform does not say.' })
  reactedAt!: Date | null;
  messageId!: string;
  userId!: string;
}
