import { Arg, Authorized, Ctx, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { Tenant } from './tenant.entity.ts';
import { createTenant } from './tenant.service.ts';

@Resolver()
export class TenantCreateResolver {
  @Authorized<Permission>('tenants:manage')
  @Mutation(() => Tenant, {
    description:
      'Creates a tenant with its encryption key. Provider tokens only. INVALID_INPUT for a name that is empty or too long.',
  })
  createTenant(
    @Arg('name', () => String, { description: '1 to 200 characters.' }) name: string,
    @Ctx() { request }: Context,
  ): Promise<Tenant> {
    return createTenant(request.system, request.scope, name);
  }
}
