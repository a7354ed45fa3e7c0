import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { Context, RequestScope, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { Conversation } from '../conversation/conversation.entity.ts';
import { loadConversations } from '../conversation/conversation.queries.ts';
import { notFound, requireId } from '../not-found.ts';
import { pageKey, RangeArgs, windowOf, type Window } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { Person, User } from '../user/user.entity.ts';
import { personOf, requireReader } from '../user/user.queries.ts';
import { Call, CallConnection, CallParticipant } from './call.entity.ts';
import { loadCallPages, loadCallParticipants, loadCalls, pageOfCalls } from './call.queries.ts';

async function toPage(request: RequestScope, ids: readonly string[] | undefined, window: Window): Promise<Connection<Call>> {
  const page = connect(ids ?? [], window, (id) => id);
  const edges = await Promise.all(
    page.edges.map(async ({ cursor, node }) => ({ cursor, node: await request.loader(loadCalls).load(node) })),
  );
  const found = edges.filter((edge): edge is { cursor: string; node: Call } => edge.node !== undefined);
  noteRead(
    request,
    'call.read',
    found.map(({ node }) => ({ calls: node.id })),
  );
  return { edges: found, pageInfo: page.pageInfo };
}

@Resolver(() => Call)
export class CallResolver {
  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => Call, {
    description:
      'One call. NOT_FOUND if there is none in the scope of the token; a person’s own token finds those they started or took part in.',
  })
  async call(@Arg('id', () => ID, { description: 'UUID of the call.' }) id: string, @Ctx() { request }: Context): Promise<Call> {
    await requireReader(request);
    const call = await request.loader(loadCalls).load(requireId(id, 'call'));
    if (!call) throw notFound('call');
    noteRead(request, 'call.read', [{ calls: call.id }]);
    return call;
  }

  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => CallConnection, {
    description: 'The calls in the scope of the token; of a person’s own token, those they started or took part in.',
  })
  async calls(@Args(() => RangeArgs) args: RangeArgs, @Ctx() { request }: Context): Promise<Connection<Call>> {
    await requireReader(request);
    const window = windowOf(args);
    const { userId } = request.scope;
    return toPage(
      request,
      userId
        ? await request.loader(loadCallPages).load(pageKey(userId, window))
        : await request.inScope((session) => pageOfCalls(session, window)),
      window,
    );
  }

  @FieldResolver(() => Conversation, {
    nullable: true,
    description: 'The conversation it was held in; null where it belongs to none that is in scope.',
  })
  async conversation(@Root() { conversationId }: Call, @Ctx() { request }: Context): Promise<Conversation | null> {
    const conversation = conversationId && (await request.loader(loadConversations).load(conversationId));
    if (!conversation) return null;
    noteRead(request, 'conversation.read', [{ conversations: conversation.id }]);
    return conversation;
  }

  @FieldResolver(() => Person, { nullable: true, description: 'Who started it; null once they were erased.' })
  initiator(@Root() { initiatorId }: Call, @Ctx() { request }: Context): Soon<Person | null> {
    return personOf(request, initiatorId);
  }

  @FieldResolver(() => [CallParticipant], { description: 'Who took part.' })
  async participants(@Root() { id }: Call, @Ctx() { request }: Context): Promise<CallParticipant[]> {
    const rows = (await request.loader(loadCallParticipants).load(id)) ?? [];
    noteRead(
      request,
      'callParticipant.read',
      rows.map((row) => ({ people: row.userId })),
    );
    return rows;
  }
}

@Resolver(() => CallParticipant)
export class CallParticipantResolver {
  @FieldResolver(() => Person, { description: 'Who it is.' })
  person(@Root() { userId }: CallParticipant, @Ctx() { request }: Context): Soon<Person | null> {
    return personOf(request, userId);
  }
}

@Resolver(() => User)
export class UserCallsResolver {
  @FieldResolver(() => CallConnection, {
    description: 'The calls they started or took part in. Needs data:read, or one’s own token.',
  })
  async calls(
    @Root() user: User,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<Call>> {
    await requireReader(request);
    const window = windowOf(args);
    return toPage(request, await request.loader(loadCallPages).load(pageKey(user.id, window)), window);
  }
}
