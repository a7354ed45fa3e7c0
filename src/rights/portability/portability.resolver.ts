import { Arg, Args, Authorized, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { JsonScalar } from '../../data/json.scalar.ts';
import { Refusal } from '../../errors.ts';
import type { Context, RequestScope } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { inlinePackage, INLINE_ROWS } from '../package/inline.ts';
import { appOf, requestPackage, subjectOf } from '../package/package-request.service.ts';
import { PackageArgs } from '../package/package.args.ts';
import { Others, PackageRequest } from '../package/package.options.ts';
import { RequestType } from '../request.entity.ts';
import { PORTABLE } from './portability.job.ts';

const SHAPE = `The shape is that of data.json (docs/package.schema.json). LIMIT_EXCEEDED where it would hold more than ${INLINE_ROWS} rows, or more text than an answer may: use requestPortability then.`;
const OTHERS =
  'What is shown of other people: OWN or CONTEXT. FULL is FORBIDDEN here, since it needs a reason: use requestPortability.';

@Resolver()
export class PortabilityResolver {
  @Authorized<Permission>('rights:request', 'self:read')
  @Mutation(() => PackageRequest, {
    description:
      'Asks for the data that a person provided and that was observed of them, machine-readable (Art. 20), with its links to business systems. A job writes it; the request tells how far it is. NOT_FOUND for a person outside the scope or erased; FORBIDDEN for FULL with a user token; LIMIT_EXCEEDED where too many requests about the person are open or, with a user token, too many packages of theirs in store.',
  })
  requestPortability(@Args(() => PackageArgs) args: PackageArgs, @Ctx() { request }: Context): Promise<PackageRequest> {
    return request.inScope((session) => requestPackage(session, RequestType.PORTABILITY, args));
  }

  @Authorized<Permission>('rights:request')
  @Query(() => JsonScalar, {
    description: `A person's portable data, answered at once. ${SHAPE} NOT_FOUND for a person outside the scope or erased.`,
  })
  personData(
    @Arg('userId', () => ID, { description: 'UUID of the data subject.' }) userId: string,
    @Arg('others', () => Others, { defaultValue: Others.CONTEXT, description: OTHERS }) others: Others,
    @Ctx() { request }: Context,
  ): Promise<unknown> {
    return portableData(request, subjectOf(request.scope, userId), others);
  }

  @Authorized<Permission>('self:read')
  @Query(() => JsonScalar, { description: `One's own portable data, with a user token, answered at once. ${SHAPE}` })
  myData(
    @Arg('others', () => Others, { defaultValue: Others.CONTEXT, description: OTHERS }) others: Others,
    @Ctx() { request }: Context,
  ): Promise<unknown> {
    if (!request.scope.userId) throw new Refusal('NOT_FOUND', 'No such user in the scope of this token.');
    return portableData(request, request.scope.userId, others);
  }
}

async function portableData(request: RequestScope, userId: string, others: Others): Promise<unknown> {
  if (others === Others.FULL) throw new Refusal('FORBIDDEN', 'others: FULL needs a reason; use requestPortability.');
  await request.inScope((session) => appOf(session, userId));
  request.note('portability.read', { user: userId, others });
  return inlinePackage(request, PORTABLE, userId, others);
}
