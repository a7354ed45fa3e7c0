import { AppResolver } from '../data/app/app.resolver.ts';
import { AttachmentResolver, MessageAttachmentsResolver } from '../data/attachment/attachment.resolver.ts';
import { AuditLogResolver } from '../data/audit-log/audit-log.resolver.ts';
import { BusinessLinkResolver, UserBusinessLinksResolver } from '../data/business-link/business-link.resolver.ts';
import { CallParticipantResolver, CallResolver, UserCallsResolver } from '../data/call/call.resolver.ts';
import {
  ConversationResolver,
  ParticipantResolver,
  UserConversationsResolver,
} from '../data/conversation/conversation.resolver.ts';
import { DeliveryResolver } from '../data/delivery/delivery.resolver.ts';
import { HoldingCountsResolver } from '../data/holding-counts.resolver.ts';
import {
  ConversationMessagesResolver,
  MessageResolver,
  ReactionResolver,
  UserMessagesResolver,
} from '../data/message/message.resolver.ts';
import { TenantResolver } from '../data/tenant/tenant.resolver.ts';
import { AppCreateResolver } from '../data/app/app-create.resolver.ts';
import { TenantCreateResolver } from '../data/tenant/tenant-create.resolver.ts';
import { ChannelIdentityResolver, IdentifierResolver, PersonResolver, UserResolver } from '../data/user/user.resolver.ts';
import { IngestResolver } from '../intake/ingest.resolver.ts';
import { ErasureResolver } from '../rights/erasure/erasure.resolver.ts';
import { ApiKeyResolver } from '../scope/api-key.resolver.ts';
import { TokenResolver } from '../scope/token.resolver.ts';
import { ArtefactResolver } from '../data/artefact/artefact.resolver.ts';
import { AccessResolver } from '../rights/access/access.resolver.ts';
import { AppExportResolver } from '../rights/app-export/app-export.resolver.ts';
import { PortabilityResolver } from '../rights/portability/portability.resolver.ts';
import { RequestResolver } from '../rights/request.resolver.ts';

/** Every resolver of the schema. */
export const RESOLVERS = [
  IngestResolver,
  ApiKeyResolver,
  TokenResolver,
  TenantCreateResolver,
  AppCreateResolver,
  UserResolver,
  ChannelIdentityResolver,
  IdentifierResolver,
  PersonResolver,
  AppResolver,
  AttachmentResolver,
  MessageAttachmentsResolver,
  BusinessLinkResolver,
  UserBusinessLinksResolver,
  CallParticipantResolver,
  CallResolver,
  UserCallsResolver,
  ConversationResolver,
  ParticipantResolver,
  UserConversationsResolver,
  DeliveryResolver,
  HoldingCountsResolver,
  ConversationMessagesResolver,
  MessageResolver,
  ReactionResolver,
  UserMessagesResolver,
  TenantResolver,
  ErasureResolver,
  AccessResolver,
  PortabilityResolver,
  AppExportResolver,
  RequestResolver,
  ArtefactResolver,
  AuditLogResolver,
] as const;
