import { Field, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import type { SealBroken } from '../../keys/sealed-value.ts';
import { connectionType } from '../connection.ts';
import { IdentifierType, UserKind } from '../kinds.ts';

@ObjectType({ description: 'How a person presents themselves. Every field is null where the platform keeps none.' })
export class Profile {
  @Field(() => String, { nullable: true, description: 'Given name.' })
  givenName?: string;
  @Field(() => String, { nullable: true, description: 'Surname.' })
  surname?: string;
  @Field(() => String, { nullable: true, description: 'The name a chat shows.' })
  displayName?: string;
  @Field(() => String, { nullable: true, description: 'The name others mention them by.' })
  handle?: string;
  @Field(() => String, { nullable: true, description: 'E-mail address.' })
  email?: string;
  @Field(() => String, { nullable: true, description: 'Telephone number.' })
  phone?: string;
  @Field(() => String, { nullable: true, description: 'Where their picture is.' })
  avatarUrl?: string;
  @Field(() => String, { nullable: true, description: 'Language and region, such as `de-AT`.' })
  locale?: string;
  @Field(() => String, { nullable: true, description: 'Time zone, such as `Europe/Vienna`.' })
  timezone?: string;
  @Field(() => String, { nullable: true, description: 'What they do.' })
  title?: string;
  @Field(() => String, { nullable: true, description: 'Pronouns.' })
  pronouns?: string;
}

@ObjectType({ description: 'Something a person can be found by.' })
export class Identifier {
  @Field(() => IdentifierType, { description: 'What it is.' })
  type!: keyof typeof IdentifierType;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When the platform verified that it is theirs; null if it never did.',
  })
  verifiedAt!: Date | null;
  id!: string;
  userId!: string;
  sealedValue!: Buffer;
}

@ObjectType({ description: 'An account of a person on another messaging channel.' })
export class ChannelIdentity {
  @Field(() => String, { description: 'The channel, by the name the platform gave it.' })
  channel!: string;
  @Field(() => String, {
    nullable: true,
    description: 'What the channel says of the account: active, blocked, ... in its own words.',
  })
  status!: string | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was linked to the person.' })
  linkedAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was last seen.' })
  lastSeenAt!: Date | null;
  id!: string;
  userId!: string;
  sealedExternalId!: Buffer;
  sealedDisplayName!: Buffer | null;
  sealedRaw!: Buffer | null;
}

@ObjectType({ description: 'A person, or a bot, on a messaging platform, with what is held about them.' })
export class User {
  @Field(() => ID, { description: 'UUID of the person, made by Habeas.' })
  id!: string;
  @Field(() => ID, { description: 'UUID of the app they belong to.' })
  appId!: string;
  @Field(() => UserKind, { description: 'What they are to the platform.' })
  kind!: keyof typeof UserKind;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When they signed up on the platform.' })
  signedUpAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When the platform last saw them.' })
  lastActiveAt!: Date | null;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When the platform closed their account.' })
  deactivatedAt!: Date | null;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Since when processing is restricted (Art. 18); null if it is not.',
  })
  restrictedAt!: Date | null;
  sealedExternalId!: Buffer;
  sealedProfile!: Buffer;
  sealedMetadata!: Buffer;
}

export const UserConnection = connectionType('User', () => User);

@ObjectType({ description: 'A person as a chat shows them to the others in it: their name, and nothing else.' })
export class Person {
  @Field(() => ID, { description: 'UUID of the person.' })
  id!: string;
  @Field(() => Boolean, { description: 'True if the person was erased.' })
  erased!: boolean;
  /** An error where it was tampered with: that one name is missing then, and nobody else's. */
  name!: string | null | SealBroken;
}

@ObjectType({ description: 'A person whom an identifier names.' })
export class SubjectMatch {
  @Field(() => User, { description: 'The person.' })
  user!: User;
  @Field(() => Boolean, {
    description:
      'True if the platform verified that the identifier is theirs. Only then may it identify them by itself (Art. 12(2)).',
  })
  verified!: boolean;
  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was verified.' })
  verifiedAt!: Date | null;
}

@ObjectType({ description: 'Whom an identifier names.' })
export class SubjectSearch {
  @Field(() => [SubjectMatch], {
    description: 'Everybody it names in the scope of this token, verified ones first; at most 200.',
  })
  matches!: SubjectMatch[];
  @Field(() => Boolean, {
    description: 'True if it names more than one person: then somebody has to decide, whatever is verified.',
  })
  ambiguous!: boolean;
}
