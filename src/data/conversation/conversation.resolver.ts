import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { Context, RequestScope, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { notFound, requireId } from '../not-found.ts';
import { PageArgs, pageKey, RangeArgs, windowOf, type Window } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { openText } from '../sealed-field.ts';
import { Person, User } from '../user/user.entity.ts';
import { personOf, requireReader } from '../user/user.queries.ts';
import { Conversation, ConversationConnection, Participant, ParticipantConnection } from './conversation.entity.ts';
import { loadConversationPages, loadConversations, loadParticipantPages, pageOfConversations } from './conversation.queries.ts';

/** From a page of ids to the conversations; one that is erased meanwhile is left out. */
async function toPage(request: RequestScope, ids: readonly string[], window: Window): Promise<Connection<Conversation>> {
  const page = connect(ids, window, (id) => id);
  const edges = await Promise.all(
    page.edges.map(async ({ cursor, node }) => ({ cursor, node: await request.loader(loadConversations).load(node) })),
  );
  const found = edges.filter((edge): edge is { cursor: string; node: Conversation } => edge.node !== undefined);
  noteRead(
    request,
    'conversation.read',
    found.map(({ node }) => ({ conversations: node.id })),
  );
  return { edges: found, pageInfo: page.pageInfo };
}

@Resolver(() => Conversation)
export class ConversationResolver {
  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => Conversation, {
    description:
      'One conversation. NOT_FOUND if there is none in the scope of the token; a person’s own token finds those they take or took part in.',
  })
  async conversation(
    @Arg('id', () => ID, { description: 'UUID of the conversation.' }) id: string,
    @Ctx() { request }: Context,
  ): Promise<Conversation> {
    await requireReader(request);
    const conversation = await request.loader(loadConversations).load(requireId(id, 'conversation'));
    if (!conversation) throw notFound('conversation');
    noteRead(request, 'conversation.read', [{ conversations: conversation.id }]);
    return conversation;
  }

  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => ConversationConnection, {
    description: 'The conversations in the scope of the token; of a person’s own token, those they take or took part in.',
  })
  async conversations(@Args(() => RangeArgs) args: RangeArgs, @Ctx() { request }: Context): Promise<Connection<Conversation>> {
    await requireReader(request);
    const window = windowOf(args);
    return toPage(request, await request.inScope((session) => pageOfConversations(session, window)), window);
  }

  @FieldResolver(() => String, { nullable: true, description: 'Its id on the platform.' })
  externalId(@Root() { id, sealedExternalId }: Conversation, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: id, column: 'conversations.external_id', row: id, value: sealedExternalId });
  }

  @FieldResolver(() => String, { nullable: true, description: 'Its name; null where it has none.' })
  name(@Root() { id, sealedName }: Conversation, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: id, column: 'conversations.name', row: id, value: sealedName });
  }

  @FieldResolver(() => ParticipantConnection, {
    description: 'Who takes or took part in it. The token of a person who left does not show who joined after.',
  })
  async participants(
    @Root() { id }: Conversation,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<Participant>> {
    const window = windowOf(args);
    const page = connect(
      (await request.loader(loadParticipantPages).load(pageKey(id, window))) ?? [],
      window,
      (row) => row.userId,
    );
    noteRead(
      request,
      'participant.read',
      page.edges.map(({ node }) => ({ conversations: id, people: node.userId })),
    );
    return page;
  }
}

@Resolver(() => Participant)
export class ParticipantResolver {
  @FieldResolver(() => Person, { description: 'Who it is.' })
  person(@Root() { userId }: Participant, @Ctx() { request }: Context): Soon<Person | null> {
    return personOf(request, userId);
  }
}

@Resolver(() => User)
export class UserConversationsResolver {
  @FieldResolver(() => ConversationConnection, {
    description: 'The conversations they take or took part in. Needs data:read, or one’s own token.',
  })
  async conversations(
    @Root() user: User,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<Conversation>> {
    await requireReader(request);
    const window = windowOf(args);
    return toPage(request, (await request.loader(loadConversationPages).load(pageKey(user.id, window))) ?? [], window);
  }
}
