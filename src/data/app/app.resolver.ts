import { Arg, Authorized, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import { enterTenant } from '../../scope/enter-tenant.ts';
import type { Permission } from '../../scope/permissions.ts';
import { uuidArgument } from '../../scope/uuid-argument.ts';
import { App } from './app.entity.ts';
import { listApps } from './app.service.ts';

@Resolver()
export class AppResolver {
  @Authorized<Permission>('apps:read')
  @Query(() => [App], {
    description: 'The apps of the tenant; of an app’s token, that app. NOT_FOUND for a tenant that is not in scope.',
  })
  apps(
    @Arg('tenantId', () => ID, {
      nullable: true,
      description: 'UUID of the tenant, for a provider token. Default: the tenant of the token.',
    })
    tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<App[]> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), listApps);
  }
}
