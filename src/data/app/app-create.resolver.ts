import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import { enterTenant } from '../../scope/enter-tenant.ts';
import type { Permission } from '../../scope/permissions.ts';
import { uuidArgument } from '../../scope/uuid-argument.ts';
import { App } from './app.entity.ts';
import { createApp } from './app.service.ts';

@Resolver()
export class AppCreateResolver {
  @Authorized<Permission>('apps:manage')
  @Mutation(() => App, {
    description:
      'Creates an app of a tenant. INVALID_INPUT for a name that is empty or too long; FORBIDDEN for a token of one app; NOT_FOUND for a tenant that is not in scope.',
  })
  createApp(
    @Arg('name', () => String, { description: '1 to 200 characters.' }) name: string,
    @Arg('tenantId', () => ID, {
      nullable: true,
      description: 'UUID of the tenant, for a provider token, which enters one at a time. Default: the tenant of the token.',
    })
    tenantId: string | null,
    @Ctx() { request }: Context,
  ): Promise<App> {
    return enterTenant(request, uuidArgument('tenantId', tenantId), (session) => createApp(session, name));
  }
}
