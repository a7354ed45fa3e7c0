import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import type { Context, RequestScope, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { askedOfNodes } from '../asked.ts';
import { connect, type Connection } from '../connection.ts';
import { Conversation } from '../conversation/conversation.entity.ts';
import { loadConversations } from '../conversation/conversation.queries.ts';
import { JsonScalar } from '../json.scalar.ts';
import { ERASED_MENTION, mentionedIds, renderMentions } from '../mention.ts';
import { notFound, requireId } from '../not-found.ts';
import { ChronologicalArgs, pageKey, RangeArgs, windowOf, type Window } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { openJson, openText, openTogether, type Sealed } from '../sealed-field.ts';
import { Person, User } from '../user/user.entity.ts';
import { personOf, preparePeople, requireReader } from '../user/user.queries.ts';
import { Message, MessageConnection, Reaction } from './message.entity.ts';
import {
  isBrief,
  loadConversationMessages,
  loadMentioned,
  loadMessages,
  loadPersonMessages,
  loadReactions,
  loadReplies,
  loadReplyCounts,
  pageOfMessages,
} from './message.queries.ts';

const noteMessages = (request: RequestScope, messages: readonly Message[]): void =>
  noteRead(
    request,
    'message.read',
    messages.map((message) => ({ conversations: message.conversationId, subjects: message.subjectId })),
  );

/** A page of messages as a document asks for it. */
async function answerPage(
  request: RequestScope,
  args: RangeArgs,
  info: GraphQLResolveInfo,
  read: (window: Window) => Promise<readonly Message[] | undefined>,
): Promise<Connection<Message>> {
  const asked = askedOfNodes(info);
  const window: Window = { ...windowOf(args), brief: isBrief(asked) };
  const page = connect((await read(window)) ?? [], window, (row) => row.id);
  const messages = page.edges.map(({ node }) => node);
  noteMessages(request, messages);
  const authors = asked.has('author') ? messages.map(({ authorId }) => authorId) : [];
  const bodies = asked.has('body') ? messages.map(sealedBody) : [];
  // Side by side: what both have to load is loaded in one round.
  await Promise.all([openTogether(request, 'messages.body', bodies), preparePeople(request, authors)]);
  return page;
}

const ownerOf = (message: Message): string => message.subjectId ?? message.conversationId;

const sealedBody = (message: Message): Omit<Sealed, 'column'> => ({
  owner: ownerOf(message),
  row: message.id,
  value: message.sealedBody,
});

const openBody = (request: RequestScope, message: Message): Soon<string | null> =>
  openText(request, { ...sealedBody(message), column: 'messages.body' });

const isOwn = ({ scope }: RequestScope, { subjectId }: Message): boolean => scope.level === 'user' && subjectId === scope.userId;

/**
 * Whom a message mentions, by id. Rows say it: they go with an erasure, and a text cannot ask for the name of anybody else. They are closed to
 * the token of somebody who wrote where they are no participant; of what is their own the text says it then, in which intake alone puts ids.
 */
async function mentionedIn(request: RequestScope, message: Message, stored: string | null): Promise<ReadonlyMap<string, Person>> {
  const known = (await request.loader(loadMentioned).load(message.id)) ?? [];
  const ids = [...new Set([...known, ...(isOwn(request, message) ? mentionedIds(stored ?? '') : [])])];
  const people = await Promise.all(ids.map(async (id) => personOf(request, id)));
  return new Map(
    people.flatMap((person) => (person && (!person.erased || known.includes(person.id)) ? [[person.id, person]] : [])),
  );
}

function withMentions(request: RequestScope, message: Message, stored: string | null): Soon<string | null> {
  if (stored === null || !mentionedIds(stored).length) return stored;
  return mentionedIn(request, message, stored).then((people) =>
    renderMentions(stored, (id) => {
      const person = people.get(id);
      return !person || person.erased ? ERASED_MENTION : `@${typeof person.name === 'string' ? person.name : 'unnamed user'}`;
    }),
  );
}

@Resolver(() => Message)
export class MessageResolver {
  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => Message, {
    description:
      'One message. NOT_FOUND if there is none in the scope of the token; a person’s own token finds those of the conversations they take part in, up to when they left.',
  })
  async message(
    @Arg('id', () => ID, { description: 'UUID of the message.' }) id: string,
    @Ctx() { request }: Context,
  ): Promise<Message> {
    await requireReader(request);
    const message = await request.loader(loadMessages).load(requireId(id, 'message'));
    if (!message) throw notFound('message');
    noteMessages(request, [message]);
    return message;
  }

  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => MessageConnection, {
    description:
      'The messages of a conversation, or all in the scope of the token. Without a conversation, a person’s own token reads the messages that are their own. NOT_FOUND if the conversation is not in scope.',
  })
  async messages(
    @Arg('conversationId', () => ID, { nullable: true, description: 'UUID of the conversation.' })
    conversationId: string | null | undefined,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Message>> {
    await requireReader(request);
    const { userId } = request.scope;
    return answerPage(request, args, info, async (window) => {
      if (typeof conversationId === 'string') {
        const conversation = await request.loader(loadConversations).load(requireId(conversationId, 'conversation'));
        if (!conversation) throw notFound('conversation');
        return request.loader(loadConversationMessages).load(pageKey(conversation.id, window));
      }
      if (userId) return request.loader(loadPersonMessages).load(pageKey(userId, window));
      return request.inScope((session) => pageOfMessages(session, window));
    });
  }

  @FieldResolver(() => Conversation, {
    nullable: true,
    description: 'The conversation it stands in; null to a person’s own token where they no longer belong to it.',
  })
  async conversation(@Root() { conversationId }: Message, @Ctx() { request }: Context): Promise<Conversation | null> {
    const conversation = await request.loader(loadConversations).load(conversationId);
    if (conversation) noteRead(request, 'conversation.read', [{ conversations: conversation.id }]);
    return conversation ?? null;
  }

  @FieldResolver(() => Person, {
    nullable: true,
    description: 'Who wrote it; null where nobody is known to have, and once they were erased.',
  })
  author(@Root() { authorId }: Message, @Ctx() { request }: Context): Soon<Person | null> {
    return personOf(request, authorId);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'The text, with mentions as `@Display Name`, or `@erased user` where somebody was erased. Null once the message was deleted or its person erased.',
  })
  body(@Root() message: Message, @Ctx() { request }: Context): Soon<string | null> {
    const stored = openBody(request, message);
    return stored instanceof Promise
      ? stored.then((text) => withMentions(request, message, text))
      : withMentions(request, message, stored);
  }

  @FieldResolver(() => JsonScalar, {
    nullable: true,
    description: 'What else the platform keeps with it. A person’s own token sees it of their own messages only.',
  })
  async metadata(@Root() message: Message, @Ctx() { request }: Context): Promise<object | null> {
    const { level, userId } = request.scope;
    if (level === 'user' && message.subjectId !== userId) return null;
    return openJson(request, {
      owner: ownerOf(message),
      column: 'messages.metadata',
      row: message.id,
      value: message.sealedMetadata,
    });
  }

  @FieldResolver(() => [Person], { description: 'Whom it mentions.' })
  async mentions(@Root() message: Message, @Ctx() { request }: Context): Promise<Person[]> {
    const people = await mentionedIn(request, message, isOwn(request, message) ? await openBody(request, message) : null);
    noteRead(
      request,
      'mention.read',
      [...people.keys()].map((person) => ({ people: person })),
    );
    return [...people.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  @FieldResolver(() => [Reaction], { description: 'Reactions to it, earliest first.' })
  async reactions(@Root() { id }: Message, @Ctx() { request }: Context): Promise<Reaction[]> {
    const rows = (await request.loader(loadReactions).load(id)) ?? [];
    noteRead(
      request,
      'reaction.read',
      rows.map((row) => ({ people: row.userId })),
    );
    return rows;
  }

  @FieldResolver(() => Message, {
    nullable: true,
    description: 'The message it answers (the first of its thread); null where it answers none.',
  })
  async replyTo(@Root() { replyToId }: Message, @Ctx() { request }: Context): Promise<Message | null> {
    if (!replyToId) return null;
    const message = await request.loader(loadMessages).load(replyToId);
    if (message) noteMessages(request, [message]);
    return message ?? null;
  }

  @FieldResolver(() => MessageConnection, { description: 'What answers it; oldest first where nothing else is asked for.' })
  async replies(
    @Root() { id }: Message,
    @Args(() => ChronologicalArgs) args: ChronologicalArgs,
    @Ctx() { request }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Message>> {
    return answerPage(request, args, info, (window) => request.loader(loadReplies).load(pageKey(id, window)));
  }

  @FieldResolver(() => Int, { description: 'How many messages answer it.' })
  async replyCount(@Root() { id }: Message, @Ctx() { request }: Context): Promise<number> {
    return (await request.loader(loadReplyCounts).load(id)) ?? 0;
  }
}

@Resolver(() => Reaction)
export class ReactionResolver {
  @FieldResolver(() => Person, { description: 'Whose reaction it is.' })
  person(@Root() { userId }: Reaction, @Ctx() { request }: Context): Soon<Person | null> {
    return personOf(request, userId);
  }
}

@Resolver(() => Conversation)
export class ConversationMessagesResolver {
  @FieldResolver(() => MessageConnection, {
    description: 'What was written in it. The token of a person who left reads up to when they left.',
  })
  async messages(
    @Root() { id }: Conversation,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Message>> {
    return answerPage(request, args, info, (window) => request.loader(loadConversationMessages).load(pageKey(id, window)));
  }
}

@Resolver(() => User)
export class UserMessagesResolver {
  @FieldResolver(() => MessageConnection, {
    description:
      'Their messages: what they wrote, and in personal conversations also what the business wrote to them. Needs data:read, or one’s own token.',
  })
  async messages(
    @Root() { id }: User,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<Message>> {
    await requireReader(request);
    return answerPage(request, args, info, (window) => request.loader(loadPersonMessages).load(pageKey(id, window)));
  }
}
