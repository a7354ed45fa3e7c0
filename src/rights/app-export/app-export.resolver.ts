import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { recordAct } from '../../audit/act.ts';
import { notFound, requireId } from '../../data/not-found.ts';
import type { Context } from '../../scope/context.ts';
import type { Session } from '../../scope/in-scope.ts';
import type { Permission } from '../../scope/permissions.ts';
import { storeScope } from '../../scope/scope.ts';
import { RequestStatus, RequestTarget, RequestType, RightsRequest } from '../request.entity.ts';
import { openRequest } from '../request.service.ts';

@Resolver()
export class AppExportResolver {
  @Authorized<Permission>('export:app')
  @Mutation(() => RightsRequest, {
    description:
      'Asks for everything held of an app as native NDJSON with its files, which `habeas import ndjson` reads back (docs/ndjson.md). A job writes it; the request tells how far it is. NOT_FOUND for an app outside the scope or erased.',
  })
  exportApp(
    @Arg('appId', () => ID, { description: 'UUID of the app.' }) appId: string,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    return request.inScope((session) => requestAppExport(session, requireId(appId, 'app')));
  }
}

/** Opens a request for a whole app and queues its job, in one transaction. */
async function requestAppExport(session: Session, appId: string): Promise<RightsRequest> {
  const { db, scope, system } = session;
  const [app] = (await db.query('select 1 from apps where tenant_id = $1 and id = $2 and erased_at is null', [
    scope.tenantId,
    appId,
  ])) as unknown[];
  if (!app) throw notFound('app');
  const request = await openRequest(session, {
    type: RequestType.APP_EXPORT,
    target: RequestTarget.APP,
    targetId: appId,
    appId,
    subjectId: null,
    status: RequestStatus.SCHEDULED,
  });
  await recordAct(session, 'app_export.requested', { request: request.id, app: appId });
  await system.queue.enqueue(db, 'export', { requestId: request.id, scope: storeScope(scope) });
  return request;
}
