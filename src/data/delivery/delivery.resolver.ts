import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { Context, Soon } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { connect, type Connection } from '../connection.ts';
import { RangeArgs, windowOf } from '../page.ts';
import { noteRead } from '../read-note.ts';
import { openText } from '../sealed-field.ts';
import { requireReader, requireUser } from '../user/user.queries.ts';
import { DeliveryConnection, DeliveryRecord } from './delivery.entity.ts';
import { pageOfDeliveries } from './delivery.queries.ts';

@Resolver(() => DeliveryRecord)
export class DeliveryResolver {
  @Authorized<Permission>('data:read', 'self:read')
  @Query(() => DeliveryConnection, {
    description: 'The delivery records of a person. NOT_FOUND if there is no such person in the scope of the token.',
  })
  async deliveries(
    @Arg('userId', () => ID, { nullable: true, description: 'UUID of the person. Default: the person whose token it is.' })
    userId: string | undefined,
    @Args(() => RangeArgs) args: RangeArgs,
    @Ctx() { request }: Context,
  ): Promise<Connection<DeliveryRecord>> {
    await requireReader(request);
    const user = await requireUser(request, userId ?? request.scope.userId ?? '');
    const window = windowOf(args);
    const page = connect(await request.inScope((session) => pageOfDeliveries(session, user.id, window)), window, (row) => row.id);
    noteRead(
      request,
      'delivery.read',
      page.edges.map(() => ({ users: user.id })),
    );
    return page;
  }

  @FieldResolver(() => String, { nullable: true, description: 'The number or address it came from.' })
  source(@Root() { id, userId, sealedSource }: DeliveryRecord, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'delivery_records.source', row: id, value: sealedSource });
  }

  @FieldResolver(() => String, { nullable: true, description: 'The number or address it went to.' })
  destination(@Root() { id, userId, sealedDestination }: DeliveryRecord, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: userId, column: 'delivery_records.destination', row: id, value: sealedDestination });
  }
}
