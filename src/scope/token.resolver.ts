import { Arg, Authorized, Ctx, GraphQLISODateTime, ID, Int, Mutation, Resolver } from 'type-graphql';
import { ScopeLevel, Token } from './api-key.entity.ts';
import type { Context } from './context.ts';
import { denyToken, issueToken } from './issue-token.ts';
import type { Level, Permission } from './permissions.ts';
import { optional } from './present.ts';
import { uuidArgument } from './uuid-argument.ts';

@Resolver()
export class TokenResolver {
  @Authorized<Permission>('tokens:issue')
  @Mutation(() => Token, {
    description:
      "Signs a token with a key, no wider than the key nor than the token that asks: this is how a platform's back end hands a person theirs. FORBIDDEN where it would be wider; NOT_FOUND for a key, app or person that is not in scope; INVALID_INPUT where level, app and user do not fit together.",
  })
  issueToken(
    @Arg('kid', () => ID, { description: 'The key that signs; an HS256 key that is not revoked.' }) kid: string,
    @Arg('level', () => ScopeLevel, { description: 'How wide the token is to reach.' }) level: Level,
    @Arg('appId', () => ID, { nullable: true, description: 'UUID of the app, for APP and USER. Default: the app of the key.' })
    appId: string | null,
    @Arg('userId', () => ID, { nullable: true, description: 'UUID of the person, for USER and only then.' })
    userId: string | null,
    @Arg('permissions', () => [String], {
      nullable: true,
      description: 'What it is to be allowed, such as `data:read`. Default: all that level, key and asking token allow.',
    })
    permissions: string[] | null,
    @Arg('subject', () => String, {
      nullable: true,
      description: 'Who will hold it, by whatever name the audit log shall show (`sub`); 1 to 256 characters.',
    })
    subject: string | null,
    @Arg('ttlSeconds', () => Int, {
      nullable: true,
      description:
        'Seconds it lives: up to the cap of the key, and 3,600 for USER. Default: as long as allowed, but 86,400 at most.',
    })
    ttlSeconds: number | null,
    @Arg('tenantId', () => ID, {
      nullable: true,
      description: 'UUID of the tenant to enter, where a provider key signs. Default: the tenant of the key.',
    })
    tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<Token> {
    const reach = {
      appId: uuidArgument('appId', appId),
      userId: uuidArgument('userId', userId),
      tenantId: uuidArgument('tenantId', tenantId),
    };
    return request.inScope((session) =>
      issueToken(session, {
        kid,
        level,
        ...optional({ ...reach, permissions: permissions as Permission[] | null, subject, ttlSeconds }),
      }),
    );
  }

  @Authorized<Permission>('tokens:issue')
  @Mutation(() => Boolean, {
    description:
      'Denies one token of a key of this tenant, with the token of one app only one of that app: within five seconds it is refused, everywhere, until it would have expired anyway. Always true, also for a token that nobody has; of two denials the longer holds.',
  })
  async denyToken(
    @Arg('jti', () => ID, { description: 'The id of the token: its `jti` claim.' }) jti: string,
    @Arg('expiresAt', () => GraphQLISODateTime, {
      nullable: true,
      description: 'When it would expire (its `exp` claim): no need to remember it longer. Default: in a year.',
    })
    expiresAt: Date | null,
    @Ctx() { request }: Context,
  ): Promise<boolean> {
    await request.inScope((session) => denyToken(session, jti, expiresAt ?? undefined));
    return true;
  }
}
