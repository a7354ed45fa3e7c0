import { Arg, Args, ArgsType, Authorized, Ctx, Field, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { Artefact } from '../data/artefact/artefact.entity.ts';
import { artefactsOfRequests } from '../data/artefact/artefact.queries.ts';
import { connect, connectionType, type Connection } from '../data/connection.ts';
import { requireId } from '../data/not-found.ts';
import { Order, PageArgs, windowOf } from '../data/page.ts';
import { noteRead } from '../data/read-note.ts';
import { Refusal } from '../errors.ts';
import type { Context, RequestScope } from '../scope/context.ts';
import type { Permission } from '../scope/permissions.ts';
import { NamedCount, namedCounts, RequestStatus, RightsRequest } from './request.entity.ts';
import { findRequest, listRequests } from './request.service.ts';

const RightsRequestConnection = connectionType('RightsRequest', () => RightsRequest);

@ArgsType()
class RequestsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: 'Only those about this person.' })
  userId?: string | null;
  @Field(() => RequestStatus, { nullable: true, description: 'Only those that stand here.' })
  status?: RequestStatus | null;
}

/** `self:read` is enough for a person's own requests; an app's token may hold it to pass it on. */
function checkReader({ scope }: RequestScope): void {
  if (!scope.permissions.has(scope.level === 'user' ? 'self:read' : 'rights:read'))
    throw new Refusal('FORBIDDEN', 'This token does not hold rights:read.');
}

@Resolver(() => RightsRequest)
export class RequestResolver {
  @Authorized<Permission>('rights:read', 'self:read')
  @Query(() => RightsRequest, {
    description: 'One request; with a user token, one of its person. NOT_FOUND if there is none in the scope of the token.',
  })
  async request(
    @Arg('id', () => ID, { description: 'UUID of the request.' }) id: string,
    @Ctx() { request }: Context,
  ): Promise<RightsRequest> {
    checkReader(request);
    const found = await request.inScope((session) => findRequest(session, requireId(id, 'request')));
    noteRead(request, 'request.read', [{ requests: found.id }]);
    return found;
  }

  @Authorized<Permission>('rights:read', 'self:read')
  @Query(() => RightsRequestConnection, {
    description: 'The requests in the scope of the token, newest first; with a user token, those of its person.',
  })
  async requests(@Args(() => RequestsArgs) args: RequestsArgs, @Ctx() { request }: Context): Promise<Connection<RightsRequest>> {
    checkReader(request);
    const { limit, upper } = windowOf({ first: args.first, after: args.after ?? null, order: Order.NEWEST_FIRST });
    const filter = {
      ...(args.userId && { subjectId: requireId(args.userId, 'user') }),
      ...(args.status && { status: args.status }),
      before: upper,
      limit,
    };
    const rows = await request.inScope((session) => listRequests(session, filter));
    const page = connect(rows, { limit, upper, lower: '', newestFirst: true }, (row) => row.id);
    noteRead(
      request,
      'request.read',
      page.edges.map(({ node }) => ({ requests: node.id })),
    );
    return page;
  }

  @FieldResolver(() => [NamedCount], {
    description: 'What came of it, counted: rows in the package by category, or rows erased.',
  })
  counts(@Root() { counts }: RightsRequest): NamedCount[] {
    return namedCounts(counts);
  }

  @FieldResolver(() => Artefact, {
    nullable: true,
    description: 'The file it made, if it made one. createDownloadLink downloads it.',
  })
  async artefact(@Root() { id }: RightsRequest, @Ctx() { request }: Context): Promise<Artefact | null> {
    return (await request.loader(artefactsOfRequests).load(id)) ?? null;
  }
}
