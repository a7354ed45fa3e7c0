import { Authorized, Ctx, Query, Resolver } from 'type-graphql';
import { Refusal } from '../../errors.ts';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { User } from './user.entity.ts';

@Resolver()
export class UserResolver {
  @Authorized<Permission>('self:read')
  @Query(() => User, { description: 'The person whose token this is.' })
  async me(@Ctx() { request }: Context): Promise<User> {
    return request.inScope(async ({ db, scope }) => {
      const [row] = (await db.query('select id from users where tenant_id = $1 and id = $2 and erased_at is null', [scope.tenantId, scope.userId])) as User[];
      if (!row) throw new Refusal('NOT_FOUND', 'No such user in the scope of this token.');
      request.note('user.read', { user: row.id });
      return row;
    });
  }
}
