import { Authorized, Ctx, Query, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { Tenant } from './tenant.entity.ts';
import { listTenants } from './tenant.service.ts';

@Resolver()
export class TenantResolver {
  @Authorized<Permission>('tenants:manage')
  @Query(() => [Tenant], { description: 'The directory of tenants: names and dates, no personal data. Provider tokens only.' })
  tenants(@Ctx() { request }: Context): Promise<Tenant[]> {
    return request.inScope(listTenants);
  }
}
