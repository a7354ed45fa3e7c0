import { Field, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';
import { CallKind } from '../kinds.ts';

@ObjectType({ description: 'A call: when, how long, between whom. What was said is not held.' })
export class Call {
  @Field(() => ID, { description: 'UUIDv7 of the call, made by Habeas from the time it began.' })
  id!: string;
  @Field(() => String, { description: 'Its id on the platform, unique in its app.' })
  externalId!: string;
  @Field(() => CallKind, { description: 'Voice only, or with picture.' })
  kind!: keyof typeof CallKind;
  @Field(() => GraphQLISODateTime, { description: 'When it began.' })
  startedAt!: Date;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ended.' })
  endedAt!: Date | null;
  @Field(() => Int, { nullable: true, description: 'How long it lasted, in seconds.' })
  durationSeconds!: number | null;
  conversationId!: string | null;
  initiatorId!: string | null;
}

export const CallConnection = connectionType('Call', () => Call);

@ObjectType({ description: 'Somebody’s part in a call.' })
export class CallParticipant {
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When they joined it.' })
  joinedAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When they left it.' })
  leftAt!: Date | null;
  callId!: string;
  userId!: string;
}
