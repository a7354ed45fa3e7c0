import { Field, ObjectType } from 'type-graphql';

@ObjectType({
  description: 'Evidence of an erasure, for the person and for a supervisory authority: ids, times and counts, no content.',
})
export class ErasureCertificate {
  @Field({
    description:
      'The certificate: one JSON object (RFC 8785) with tenant, app, request, target, targetId, subject, ground, status, receivedAt, unreadableAt, completedAt, counts, residual, mentionsInFreeText and auditEntries.',
  })
  text!: string;
  @Field({ description: 'Ed25519 signature (RFC 8032) of the bytes of `text`, in base64, by the key that signs the audit log.' })
  signature!: string;
  @Field({ description: 'Id of the signing key, as in the checkpoints of the audit log.' })
  keyId!: string;
  @Field({ description: 'The public key, PEM. Compare it with one that you got another way.' })
  publicKey!: string;
}
