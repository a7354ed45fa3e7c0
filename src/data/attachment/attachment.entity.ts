import { Field, Float, ID, ObjectType } from 'type-graphql';

@ObjectType({ description: 'A file of a message.' })
export class Attachment {
  @Field(() => ID, { description: 'UUID of the attachment, made by Habeas.' })
  id!: string;
  @Field(() => String, { nullable: true, description: 'Its media type, such as `image/png`.' })
  contentType!: string | null;
  @Field(() => Float, { nullable: true, description: 'Its size in bytes, a whole number.' })
  size!: number | null;
  @Field(() => String, { nullable: true, description: 'SHA-256 of its content, in hexadecimal.' })
  sha256!: string | null;
  @Field(() => Boolean, { description: 'True if Habeas holds the content; otherwise only the platform does.' })
  stored!: boolean;
  messageId!: string;
  ownerId!: string;
  sealedName!: Buffer | null;
  sealedUrl!: Buffer | null;
}
