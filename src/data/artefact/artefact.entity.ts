import { Field, Float, GraphQLISODateTime, ID, ObjectType } from 'type-graphql';
import { JsonScalar } from '../json.scalar.ts';

/** A row of `artefacts`: an export file in the store, sealed under a key of its own. */
@ObjectType({ description: 'An export file. It is sealed where it is stored, and deleted when it expires.' })
export class Artefact {
  appId!: string | null;
  requestId!: string;
  subjectId!: string | null;
  coversApp!: boolean;
  contentType!: string;

  @Field(() => ID, { description: 'UUID of the file.' })
  id!: string;
  @Field({ description: 'The name it is downloaded under. It names nobody.' })
  fileName!: string;
  @Field(() => Float, { description: 'Bytes of the download.' })
  size!: number;
  @Field({ description: 'SHA-256 of the download, in hexadecimal.' })
  sha256!: string;
  @Field(() => GraphQLISODateTime, { description: 'When the file is deleted (HABEAS_EXPORT_DAYS after it was made).' })
  expiresAt!: Date;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it was deleted: it expired, or somebody in it was erased.',
  })
  deletedAt!: Date | null;
  @Field(() => JsonScalar, {
    description:
      "The package's manifest.json, less the list of the files it holds (docs/package.md): scope, format, counts, SHA-256 of each entry.",
  })
  manifest!: Record<string, unknown>;
}

@ObjectType({ description: 'A link that downloads one export file once.' })
export class DownloadLink {
  @Field({
    description:
      'Where to GET the file, without any other credentials. Whoever has the link has the file: hand it to nobody else.',
  })
  url!: string;
  @Field(() => GraphQLISODateTime, {
    description: 'Until when it can be opened. Once opened, a broken download can be resumed for an hour.',
  })
  expiresAt!: Date;
}
