import { Arg, Authorized, Ctx, ID, Query, Resolver } from 'type-graphql';
import { Refusal } from '../errors.ts';
import type { Context } from '../scope/context.ts';
import type { Permission } from '../scope/permissions.ts';
import { countHoldings, HoldingCount } from './holding-counts.ts';
import { noteRead } from './read-note.ts';
import { requireUser } from './user/user.queries.ts';

@Resolver()
export class HoldingCountsResolver {
  @Authorized<Permission>('rights:read', 'self:read')
  @Query(() => [HoldingCount], {
    description:
      'What is held about a person: how many of each category, from when to when. All categories are listed, also empty ones. NOT_FOUND if there is no such person in the scope of the token.',
  })
  async whatIsHeld(
    @Arg('userId', () => ID, { nullable: true, description: 'UUID of the person. Default: the person whose token it is.' })
    userId: string | undefined,
    @Ctx() { request }: Context,
  ): Promise<HoldingCount[]> {
    const { scope } = request;
    if (scope.level !== 'user' && !scope.permissions.has('rights:read'))
      throw new Refusal('FORBIDDEN', 'This token does not hold rights:read.');
    const user = await requireUser(request, userId ?? scope.userId ?? '');
    const counts = await request.inScope((session) => countHoldings(session, user.id));
    noteRead(request, 'holding.counted', [{ users: user.id }]);
    return counts;
  }
}
