import { Field, GraphQLISODateTime, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Algorithm } from './api-key.service.ts';
import { ROLE_NAMES, type Level, type RoleName } from './permissions.ts';

/** How wide a key or a token reaches, as the schema names it; inside, a level is written as in a token's `scope` claim. */
export const ScopeLevel = { USER: 'user', APP: 'app', TENANT: 'tenant', PROVIDER: 'provider' } as const satisfies Record<
  string,
  Level
>;
registerEnumType(ScopeLevel, {
  name: 'ScopeLevel',
  description: 'How wide a key or a token reaches; the `scope` claim of a token holds it in lower case.',
  valuesConfig: {
    USER: { description: 'One person.' },
    APP: { description: 'One app of a tenant.' },
    TENANT: { description: 'One tenant with all its apps.' },
    PROVIDER: { description: 'The platform: every tenant, one at a time.' },
  },
});

export const KeyAlgorithm = { HS256: 'HS256', RS256: 'RS256', ES256: 'ES256' } as const satisfies Record<string, Algorithm>;
registerEnumType(KeyAlgorithm, {
  name: 'KeyAlgorithm',
  description:
    'How tokens are signed (RFC 7518): HS256 with a secret made here, RS256 or ES256 with a private key of yours, whose public key is registered.',
});

export const RolePreset = Object.fromEntries(ROLE_NAMES.map((name) => [name, name])) as { [Name in RoleName]: Name };
registerEnumType(RolePreset, {
  name: 'RolePreset',
  description: 'A preset of level and permissions; the query `roles` lists them.',
});

@ObjectType({ description: 'A preset of level and permissions, for the keys of people and machines who do that work.' })
export class Role {
  @Field(() => RolePreset, { description: 'Its name, for createApiKey.' })
  name!: RoleName;
  @Field(() => ScopeLevel, { description: 'How wide its keys reach.' })
  level!: Level;
  @Field(() => String, { description: 'Who does what with it.' })
  description!: string;
  @Field(() => [String], { description: 'What its keys and their tokens may do, such as `data:read`.' })
  permissions!: string[];
}

@ObjectType({
  description:
    'An API key: it signs tokens (its `kid` goes into their header), and is the most they can be. Its secret is never shown again.',
})
export class ApiKey {
  @Field(() => ID, { description: 'The id of the key, as it stands in the header of the tokens it signs.' })
  kid!: string;
  @Field(() => String, { description: 'What it is for, in the words of whoever made it; 1 to 200 characters.' })
  name!: string;
  @Field(() => ScopeLevel, { description: 'How wide its tokens reach at most.' })
  level!: Level;
  @Field(() => ID, { nullable: true, description: 'UUID of its app, for keys of level APP and USER.' })
  appId!: string | null;
  @Field(() => [String], { description: 'What its tokens may do at most, such as `data:read`.' })
  permissions!: string[];
  @Field(() => KeyAlgorithm, { description: 'How its tokens are signed; a token of any other algorithm is refused.' })
  algorithm!: Algorithm;
  @Field(() => Int, {
    description: 'Seconds that its tokens live at most; tokens of level USER live 3,600 seconds at most under any key.',
  })
  maxTokenSeconds!: number;
  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt!: Date;
  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it was revoked: five seconds later no token of it works any more.',
  })
  revokedAt!: Date | null;
  @Field(() => ID, { nullable: true, description: 'The key that rotateApiKey made to follow it.' })
  replacedBy!: string | null;
}

@ObjectType({ description: 'A new API key with its secret, which is shown this once.' })
export class CreatedApiKey {
  @Field(() => ApiKey, { description: 'The key.' })
  key!: ApiKey;
  @Field(() => String, {
    nullable: true,
    description:
      'The HS256 secret, 64 characters of base64url: sign with these characters as they are, without decoding them. Null for RS256 and ES256.',
  })
  secret!: string | null;
}

@ObjectType({ description: 'A signed token (RFC 7519).' })
export class Token {
  @Field(() => String, { description: 'Send it as `Authorization: Bearer <token>`. It is not kept here.' })
  token!: string;
  @Field(() => GraphQLISODateTime, { description: 'When it stops working.' })
  expiresAt!: Date;
  @Field(() => ID, { description: 'Its id: what denyToken takes, and what the audit log knows it by.' })
  jti!: string;
}
