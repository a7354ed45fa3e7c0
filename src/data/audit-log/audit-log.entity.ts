import { Field, GraphQLISODateTime, ID, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../connection.ts';
import { JsonScalar } from '../json.scalar.ts';

@ObjectType({
  description: 'One act on personal data, denied ones too. It holds ids and counts, never content, and outlives an erasure.',
})
export class AuditLogEntry {
  @Field(() => ID, { description: 'UUID of the entry.' })
  id!: string;
  @Field(() => GraphQLISODateTime, { description: 'When.' })
  at!: Date;
  @Field(() => String, {
    description: 'What was done: noun and verb, as in `message.read`, `erasure.requested`, `permission.denied`.',
  })
  act!: string;
  @Field(() => String, { description: 'DONE, DENIED or FAILED.' })
  outcome!: string;
  @Field(() => String, {
    description: 'The key that stood behind it: a kid, `cli` for a command on the server itself, `system` for its own work.',
  })
  actorKey!: string;
  @Field(() => String, { nullable: true, description: "The `sub` of the actor's token." })
  actorSubject!: string | null;
  @Field(() => String, { description: 'How wide the actor reached: user, app, tenant, provider or system.' })
  actorScope!: string;
  @Field(() => ID, { nullable: true, description: 'The app the actor was bound to.' })
  actorApp!: string | null;
  @Field(() => ID, { nullable: true, description: 'The person the actor was.' })
  actorUser!: string | null;
  @Field(() => String, {
    nullable: true,
    description: 'The request it was part of; the answer carried it as the header x-request-id.',
  })
  requestId!: string | null;
  @Field(() => JsonScalar, { description: 'On which rows: ids and counts.' })
  targets!: unknown;
  @Field(() => Int, { nullable: true, description: 'Its place in the Merkle tree, from 0; null until it is sealed.' })
  leafIndex!: number | null;
}

export const AuditLogConnection = connectionType('AuditLog', () => AuditLogEntry);

@ObjectType({
  description:
    'A signed statement of what the log held (RFC 6962 tree head, Ed25519 signature). Keep some, outside the reach of whoever runs the database.',
})
export class AuditCheckpoint {
  @Field(() => Int, { description: 'How many entries the tree held.' })
  size!: number;
  @Field(() => String, { description: 'Root hash, hexadecimal SHA-256.' })
  root!: string;
  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  at!: Date;
  @Field(() => String, { description: 'Id of the signing key.' })
  keyId!: string;
  @Field(() => String, { description: 'The public key, PEM (SPKI).' })
  publicKey!: string;
  @Field(() => JsonScalar, { description: 'The whole checkpoint as `habeas audit verify --checkpoint` takes it.' })
  document!: unknown;
}

@ObjectType({ description: 'Proof that an entry is in the tree of a checkpoint (RFC 6962, section 2.1.1).' })
export class AuditProof {
  @Field(() => Int, { description: 'The place of the entry, from 0.' })
  index!: number;
  @Field(() => Int, { description: 'The size of the tree.' })
  size!: number;
  @Field(() => String, { description: 'The root of the tree, hexadecimal.' })
  root!: string;
  @Field(() => String, { description: 'The hash of the entry, hexadecimal.' })
  leafHash!: string;
  @Field(() => [String], { description: 'The audit path from the leaf to the root, hexadecimal hashes.' })
  proof!: string[];
}
