import { Arg, Authorized, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { Refusal } from '../../errors.ts';
import type { Context } from '../../scope/context.ts';
import { enterTenant } from '../../scope/enter-tenant.ts';
import type { Permission } from '../../scope/permissions.ts';
import { uuidArgument } from '../../scope/uuid-argument.ts';
import { NamedCount, namedCounts, RightsRequest } from '../request.entity.ts';
import { eraseApp, eraseTenant } from './app-erasure.service.ts';
import { ErasureCertificate } from './certificate.entity.ts';
import { erasureCertificate, residualsOf } from './certificate.service.ts';
import { eraseConversation } from './conversation-erasure.service.ts';
import { removeDoomed } from './doomed-files.ts';
import { ErasureGround, MessageErasure } from './ground.entity.ts';
import { eraseMessage } from './message-erasure.service.ts';
import { checkOwnMessage, deleteOwnMessage } from './own-message.service.ts';
import { FreeTextMentions, Residual } from './residual.entity.ts';
import { eraseUser } from './user-erasure.service.ts';

const GROUND = 'The ground it is asked on (Art. 17(1)).';
const ERRORS = 'NOT_FOUND where this token sees none; CONFLICT while an erasure of the same is open.';

@Resolver(() => RightsRequest)
export class ErasureResolver {
  @Authorized<Permission>('rights:erase')
  @Mutation(() => RightsRequest, {
    description: `Erases a person with everything held about them (Art. 17): unreadable by the time this answers, gone when the request is COMPLETED. What others wrote stays; where it mentions the person it reads "erased user". Export files that hold the person are deleted. ${ERRORS}`,
  })
  eraseUser(
    @Arg('userId', () => ID, { description: 'UUID of the person.' }) userId: string,
    @Arg('ground', () => ErasureGround, { description: GROUND }) ground: ErasureGround,
    @Arg('note', () => String, {
      nullable: true,
      description: 'Kept with the request, at most 1,000 characters; one that names the person is refused with INVALID_INPUT.',
    })
    note: string | null,
    @Arg('deepScan', () => Boolean, {
      defaultValue: false,
      description:
        "Also look for the person's name in other people's own words, in the conversations they took part in; see `mentionsInFreeText`. It cannot be asked for later: what to look for is destroyed with the first scan.",
    })
    deepScan: boolean,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    const id = uuidArgument('userId', userId)!;
    if (note && note.length > 1000) throw new Refusal('INVALID_INPUT', 'note: at most 1,000 characters.');
    return request.inScope((session) =>
      eraseUser(session, id, { ground, deepScan, ...(note ? { note: note.toWellFormed() } : {}) }),
    );
  }

  @Authorized<Permission>('rights:erase')
  @Mutation(() => RightsRequest, {
    description: `Erases a conversation with everybody's messages and files in it. Its name is unreadable at once; its messages are, too, if it has fewer than 2,000, and otherwise since \`unreadableAt\`. Export files of those who take part in it are deleted. ${ERRORS}`,
  })
  eraseConversation(
    @Arg('conversationId', () => ID, { description: 'UUID of the conversation.' }) conversationId: string,
    @Arg('ground', () => ErasureGround, { description: GROUND }) ground: ErasureGround,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    const id = uuidArgument('conversationId', conversationId)!;
    return request.inScope((session) => eraseConversation(session, id, ground));
  }

  @Authorized<Permission>('rights:erase')
  @Mutation(() => RightsRequest, {
    description: `Erases one message with its files, mentions and reactions, at once; feeding it in again does not bring it back. Export files that hold words of its author are deleted. ${ERRORS}`,
  })
  eraseMessage(
    @Arg('messageId', () => ID, { description: 'UUID of the message.' }) messageId: string,
    @Arg('ground', () => ErasureGround, { description: GROUND }) ground: ErasureGround,
    @Arg('mode', () => MessageErasure, { defaultValue: MessageErasure.PLACEHOLDER, description: 'What stays in its place.' })
    mode: MessageErasure,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    const id = uuidArgument('messageId', messageId)!;
    return request.inScope((session) => eraseMessage(session, id, { ground, mode }));
  }

  @Authorized<Permission>('rights:erase-all')
  @Mutation(() => RightsRequest, {
    description: `Erases an app with all its people and conversations: unreadable by the time this answers, since its keys are destroyed in one step. Its API keys are revoked and its open requests cancelled. ${ERRORS}`,
  })
  eraseApp(
    @Arg('appId', () => ID, { description: 'UUID of the app.' }) appId: string,
    @Arg('ground', () => ErasureGround, { description: GROUND }) ground: ErasureGround,
    @Arg('confirm', () => String, { description: 'The name of the app, typed exactly; INVALID_INPUT otherwise.' })
    confirm: string,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    const id = uuidArgument('appId', appId)!;
    return request.inScope((session) => eraseApp(session, id, { ground, confirm }));
  }

  @Authorized<Permission>('rights:erase-all')
  @Mutation(() => RightsRequest, {
    description: `Erases the tenant: its key is destroyed, which makes everything in it unreadable, and its API keys are deleted, which ends its tokens, also the one that asks; a provider can still read the request. The audit log stays and verifies. ${ERRORS}`,
  })
  eraseTenant(
    @Arg('confirm', () => String, { description: 'The name of the tenant, typed exactly; INVALID_INPUT otherwise.' })
    confirm: string,
    @Arg('tenantId', () => ID, {
      nullable: true,
      description: 'For a provider: UUID of the tenant. Otherwise the tenant of the token.',
    })
    tenantId: string | null,
    @Arg('ground', () => ErasureGround, { defaultValue: ErasureGround.CONTRACT_ENDED, description: 'The ground it is asked on.' })
    ground: ErasureGround,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), (session) => eraseTenant(session, { ground, confirm }));
  }

  @Authorized<Permission>('self:delete')
  @Mutation(() => [NamedCount], {
    description:
      'Deletes a message that the person of this token sent, or received in a direct or personal conversation, for everybody; a tombstone holds its place. Answers how many rows of what went. NOT_FOUND where it is not theirs; EXPIRED after the window of the tenant (30 days after it was sent, unless set otherwise).',
  })
  async deleteMyMessage(
    @Arg('messageId', () => ID, { description: 'UUID of the message.' }) messageId: string,
    @Ctx() { request }: Context,
  ): Promise<NamedCount[]> {
    const { scope, system } = request;
    const id = uuidArgument('messageId', messageId)!;
    if (!scope.userId)
      throw new Refusal('FORBIDDEN', 'Only the token of a person deletes messages of their own; see eraseMessage.');
    await request.inScope((session) => checkOwnMessage(session, id));
    const erasure = await deleteOwnMessage(system, scope, id);
    const { userId: _user, ...app } = scope;
    await removeDoomed(system, { ...app, level: 'app' });
    return namedCounts(erasure.counts);
  }

  @Authorized<Permission>('rights:read')
  @Query(() => ErasureCertificate, {
    description:
      'The signed certificate of a finished erasure. NOT_FOUND where this token sees no such request; UNAVAILABLE until it is finished.',
  })
  erasureCertificate(
    @Arg('requestId', () => ID, { description: 'UUID of the request.' }) requestId: string,
    @Ctx() { request }: Context,
  ): Promise<ErasureCertificate> {
    const id = uuidArgument('requestId', requestId)!;
    return request.inScope(async (session) => {
      const certificate = await erasureCertificate(session, id);
      request.note('erasure.certified', { request: id });
      return certificate;
    });
  }

  @FieldResolver(() => Residual, {
    nullable: true,
    description: 'For an erasure: what was found, after it, of all that the person was known by. Null until the scan has ended.',
  })
  async residual(@Root() { id }: RightsRequest, @Ctx() { request }: Context): Promise<Residual | null> {
    return (await request.loader(residualsOf).load(id)) ?? null;
  }

  @FieldResolver(() => FreeTextMentions, {
    nullable: true,
    description:
      "For an erasure asked with `deepScan`: where other people's own words still name the person. Null otherwise, and until the scan has ended.",
  })
  async mentionsInFreeText(@Root() { id }: RightsRequest, @Ctx() { request }: Context): Promise<FreeTextMentions | null> {
    return (await request.loader(residualsOf).load(id))?.mentions ?? null;
  }
}
