import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { Context, RequestScope, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { pageKey, RangeArgs, windowOf } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { openText } from '../sealed-field.ts';
import { User } from '../user/user.entity.ts';
import { requireReader, requireUser } from '../user/user.queries.ts';
import { BusinessLink, BusinessLinkConnection } from './business-link.entity.ts';
import { loadBusinessLinks } from './business-link.queries.ts';

async function linksOf(request: RequestScope, userId: string, args: RangeArgs): Promise<Connection<BusinessLink>> {
  const window = windowOf(args);
  const rows = (await request.loader(loadBusinessLinks).load(pageKey(userId, window))) ?? [];
  const page = connect(rows, window, (row) => row.id);
  noteRead(
    request,
    'businessLink.read',
    page.edges.map(() => ({ users: userId })),
  );
  return page;
}

@Resolver(() => BusinessLink)
export class BusinessLinkResolver {
  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => BusinessLinkConnection, {
    description: 'Where business systems speak of a person. NOT_FOUND if there is no such person in the scope of the token.',
  })
  async businessLinks(
    @Arg('userId', () => ID, { nullable: true, description: 'UUID of the person. Default: the person whose token it is.' })
    userId: string | undefined,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<BusinessLink>> {
    await requireReader(request);
    return linksOf(request, (await requireUser(request, userId ?? request.scope.userId ?? '')).id, args);
  }

  @FieldResolver(() => String, { nullable: true, description: 'What it is called there: a ticket’s number, a record’s id.' })
  reference(@Root() { id, userId, sealedReference }: BusinessLink, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'business_links.reference', row: id, value: sealedReference });
  }
}

@Resolver(() => User)
export class UserBusinessLinksResolver {
  @FieldResolver(() => BusinessLinkConnection, {
    description: 'Where business systems speak of them. Needs data:read, or one’s own token.',
  })
  async businessLinks(
    @Root() user: User,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<BusinessLink>> {
    await requireReader(request);
    return linksOf(request, user.id, args);
  }
}
