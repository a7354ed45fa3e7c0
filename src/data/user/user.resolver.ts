import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { Refusal } from '../../errors.ts';
import { normalise } from '../../keys/blind-index.ts';
import type { Context, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { JsonScalar } from '../json.scalar.ts';
import { IdentifierType, type IdentifierTypeName } from '../kinds.ts';
import { notFound } from '../not-found.ts';
import { ChronologicalArgs, windowOf } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { openJson, openText } from '../sealed-field.ts';
import { ChannelIdentity, Identifier, Person, Profile, SubjectSearch, User, UserConnection } from './user.entity.ts';
import {
  findSubject,
  loadChannels,
  loadIdentifiers,
  loadUsers,
  pageOfUsers,
  requireReader,
  requireUser,
} from './user.queries.ts';

@Resolver(() => User)
export class UserResolver {
  @Authorized<Permission>('self:read')
  @Query(() => User, { description: 'The person whose token this is. NOT_FOUND for a token that is nobody’s own.' })
  async me(@Ctx() { request }: Context): Promise<User> {
    const { userId } = request.scope;
    const user = userId && (await request.loader(loadUsers).load(userId));
    if (!user) throw notFound('user');
    noteRead(request, 'user.read', [{ users: user.id }]);
    return user;
  }

  @Authorized<Permission>('data:read')
  @Query(() => User, { description: 'One person. NOT_FOUND if there is none in the scope of the token.' })
  async user(
    @Arg('id', () => ID, { description: 'UUID of the person.' }) id: string,
    @Ctx() { request }: Context,
  ): Promise<User> {
    const user = await requireUser(request, id);
    noteRead(request, 'user.read', [{ users: user.id }]);
    return user;
  }

  @Authorized<Permission>('data:read')
  @Query(() => UserConnection, {
    description: 'The people in the scope of the token, by when they were taken in. Erased people are not among them.',
  })
  async users(@Args(() => ChronologicalArgs) args: ChronologicalArgs, @Ctx() { request }: Context): Promise<Connection<User>> {
    const window = windowOf(args);
    const page = connect(await request.inScope((session) => pageOfUsers(session, window)), window, (user) => user.id);
    noteRead(
      request,
      'user.read',
      page.edges.map(({ node }) => ({ users: node.id })),
    );
    return page;
  }

  @Authorized<Permission>('rights:read')
  @Query(() => SubjectSearch, {
    description:
      'Finds the data subject whom an identifier names. The value is compared by a keyed index, as its type is (see IdentifierType); a part of a value finds nothing.',
  })
  async findSubject(
    @Arg('type', () => IdentifierType, { description: 'What the value is.' }) type: IdentifierTypeName,
    @Arg('value', () => String, { description: 'The whole value, 1 to 512 characters. INVALID_INPUT otherwise.' }) value: string,
    @Ctx() { request }: Context,
  ): Promise<SubjectSearch> {
    if (value.length > 512 || !normalise(type, value).trim())
      throw new Refusal('INVALID_INPUT', 'value: 1 to 512 characters, with something to compare.');
    const found = await request.inScope((session) => findSubject(session, type, value));
    noteRead(
      request,
      'subject.searched',
      found.matches.map(({ user }) => ({ users: user.id })),
    );
    return found;
  }

  @FieldResolver(() => String, { nullable: true, description: 'Their id on the platform.' })
  externalId(@Root() user: User, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: user.id, column: 'users.external_id', row: user.id, value: user.sealedExternalId });
  }

  @FieldResolver(() => Profile, { nullable: true, description: 'How they present themselves.' })
  profile(@Root() user: User, @Ctx() { request }: Context): Soon<Profile | null> {
    return openJson(request, { owner: user.id, column: 'users.profile', row: user.id, value: user.sealedProfile });
  }

  @FieldResolver(() => JsonScalar, {
    nullable: true,
    description: 'What else the platform keeps about them, as it gave it. Needs data:read, or one’s own token.',
  })
  async metadata(@Root() user: User, @Ctx() { request }: Context): Promise<object | null> {
    await requireReader(request);
    return openJson(request, { owner: user.id, column: 'users.metadata', row: user.id, value: user.sealedMetadata });
  }

  @FieldResolver(() => [Identifier], { description: 'What they can be found by.' })
  async identifiers(@Root() user: User, @Ctx() { request }: Context): Promise<Identifier[]> {
    const rows = (await request.loader(loadIdentifiers).load(user.id)) ?? [];
    noteRead(
      request,
      'identifier.read',
      rows.map(() => ({ users: user.id })),
    );
    return rows;
  }

  @FieldResolver(() => [ChannelIdentity], {
    description: 'Their accounts on other messaging channels. Needs data:read, or one’s own token.',
  })
  async channels(@Root() user: User, @Ctx() { request }: Context): Promise<ChannelIdentity[]> {
    await requireReader(request);
    const rows = (await request.loader(loadChannels).load(user.id)) ?? [];
    noteRead(
      request,
      'channel.read',
      rows.map(() => ({ users: user.id })),
    );
    return rows;
  }
}

@Resolver(() => Person)
export class PersonResolver {
  @FieldResolver(() => String, { nullable: true, description: 'The name a chat shows; null if they have none, or were erased.' })
  displayName(@Root() { name }: Person): string | null {
    if (name instanceof Error) throw name;
    return name;
  }
}

@Resolver(() => Identifier)
export class IdentifierResolver {
  @FieldResolver(() => String, { nullable: true, description: 'The value, as the platform gave it.' })
  value(@Root() { id, userId, sealedValue }: Identifier, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'identifiers.value', row: id, value: sealedValue });
  }
}

@Resolver(() => ChannelIdentity)
export class ChannelIdentityResolver {
  @FieldResolver(() => String, { nullable: true, description: 'The id of the account on the channel.' })
  externalId(@Root() { id, userId, sealedExternalId }: ChannelIdentity, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'channel_identities.external_id', row: id, value: sealedExternalId });
  }

  @FieldResolver(() => String, { nullable: true, description: 'The name the channel shows.' })
  displayName(@Root() { id, userId, sealedDisplayName }: ChannelIdentity, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'channel_identities.display_name', row: id, value: sealedDisplayName });
  }

  @FieldResolver(() => JsonScalar, { nullable: true, description: 'What the channel said of the account, as it came.' })
  raw(@Root() { id, userId, sealedRaw }: ChannelIdentity, @Ctx() { request }: Context): Soon<object | null> {
    return openJson(request, { owner: userId, column: 'channel_identities.raw', row: id, value: sealedRaw });
  }
}
