import { Arg, Args, Authorized, Ctx, ID, Query, Resolver } from 'type-graphql';
import { newestCheckpoint, proveEntry } from '../../audit/stored-tree.ts';
import { Refusal } from '../../errors.ts';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { requireId } from '../not-found.ts';
import { RangeArgs, windowOf } from '../page.ts';
import { AuditCheckpoint, AuditLogConnection, AuditLogEntry, AuditProof } from './audit-log.entity.ts';
import { listAuditEntries } from './audit-log.queries.ts';

/** An app's or a person's token is of no use here: the log speaks of the whole tenant. */
const tenantWide = (scope: { appId?: string }): void => {
  if (scope.appId) throw new Refusal('FORBIDDEN', 'The audit log is read with a token of the whole tenant.');
};

@Resolver()
export class AuditLogResolver {
  @Authorized<Permission>('audit:read')
  @Query(() => AuditLogConnection, {
    description: 'What was done on personal data in this tenant. Reading it is an act too, and is in it.',
  })
  async auditLog(
    @Args(() => RangeArgs) args: RangeArgs,
    @Arg('act', () => String, { nullable: true, description: 'Only acts of this name.' }) act: string | null,
    @Ctx() { request }: Context,
  ): Promise<Connection<AuditLogEntry>> {
    tenantWide(request.scope);
    const window = windowOf(args);
    const entries = await request.inScope((session) => listAuditEntries(session, window, act ?? null));
    request.note('audit.read', { count: Math.min(entries.length, args.first) });
    return connect(entries, window, (entry) => entry.id);
  }

  @Authorized<Permission>('audit:read')
  @Query(() => AuditCheckpoint, {
    nullable: true,
    description: 'The newest checkpoint of the log; null while nothing is sealed (entries are sealed within seconds).',
  })
  async auditCheckpoint(@Ctx() { request }: Context): Promise<AuditCheckpoint | null> {
    tenantWide(request.scope);
    const checkpoint = await request.inScope(({ db, scope }) => newestCheckpoint(db, scope.tenantId));
    request.note('audit.checkpoint-read', { size: checkpoint?.size ?? 0 });
    return checkpoint ? { ...checkpoint, at: new Date(checkpoint.at), document: checkpoint } : null;
  }

  @Authorized<Permission>('audit:read')
  @Query(() => AuditProof, { description: 'Proves that an entry is in the newest tree. NOT_FOUND until it is sealed.' })
  async auditProof(
    @Arg('entryId', () => ID, { description: 'UUID of the entry.' }) entryId: string,
    @Ctx() { request }: Context,
  ): Promise<AuditProof> {
    tenantWide(request.scope);
    const id = requireId(entryId, 'sealed entry');
    const proof = await request.inScope(({ db, scope }) => proveEntry(db, scope.tenantId, id));
    request.note('audit.proof-read', { entry: id });
    return proof;
  }
}
