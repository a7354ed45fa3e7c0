import { Field, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql';

@ObjectType({ description: 'Something that was to be gone and is still there.' })
export class ResidualFinding {
  @Field({
    description:
      'Where: `table.column`, `schema.table.column` outside the data, or `files` (names and content in the file store).',
  })
  place!: string;
  @Field({
    description:
      'What was found there: ID, NAME, EMAIL, PHONE, EXTERNAL_ID ...; ROW for a row as such; BYTES for any of them in a sealed or hashed column or a file; UNREADABLE for a table that could not be looked into.',
  })
  kind!: string;
  @Field(() => Int, { description: 'In how many rows or files, counted up to 10,000 a place.' })
  count!: number;
}

@ObjectType({ description: "A place where other people's own words still name the person." })
export class FreeTextMention {
  @Field(() => ID, { nullable: true, description: 'UUID of the message; null where it is the name of the conversation.' })
  messageId!: string | null;
  @Field(() => ID, { description: 'UUID of the conversation.' })
  conversationId!: string;
}

@ObjectType({ description: "Where other people's own words still name an erased person, for a person to decide on." })
export class FreeTextMentions {
  @Field(() => Int, { description: 'How many messages, file names and names of conversations.' })
  count!: number;
  @Field(() => [FreeTextMention], { description: 'The first 10,000 of them, by id: their words stay where they are.' })
  messages!: FreeTextMention[];
}

/** The column `residual` of a request. */
@ObjectType({
  description:
    'What a scan found after an erasure of all that the person was known by: names, addresses, ids. Expected: nothing.',
})
export class Residual {
  @Field(() => Int, { description: 'All findings together; 0 is expected.' })
  total!: number;
  @Field(() => [ResidualFinding], { description: 'What was found, by place and kind.' })
  findings!: ResidualFinding[];
  @Field(() => GraphQLISODateTime, { description: 'When the scan ended.' })
  scannedAt!: Date | string;
  mentions?: FreeTextMentions;
}
