import { Field, ID, ObjectType } from 'type-graphql';

@ObjectType({ description: 'A person, or a bot, on a messaging platform.' })
export class User {
  @Field(() => ID, { description: 'UUID of the person, made by Habeas.' })
  id!: string;
}
