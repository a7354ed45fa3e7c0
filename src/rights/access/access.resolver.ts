import { Args, Authorized, Ctx, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { requestPackage } from '../package/package-request.service.ts';
import { PackageArgs } from '../package/package.args.ts';
import { PackageRequest } from '../package/package.options.ts';
import { RequestType } from '../request.entity.ts';

@Resolver()
export class AccessResolver {
  @Authorized<Permission>('rights:request', 'self:read')
  @Mutation(() => PackageRequest, {
    description:
      'Asks for a copy of everything held about a person, with the facts about it (Art. 15). A job writes it; the request tells how far it is. NOT_FOUND for a person outside the scope or erased; FORBIDDEN for FULL with a user token; LIMIT_EXCEEDED where too many requests about the person are open or, with a user token, too many packages of theirs in store.',
  })
  requestAccess(@Args(() => PackageArgs) args: PackageArgs, @Ctx() { request }: Context): Promise<PackageRequest> {
    return request.inScope((session) => requestPackage(session, RequestType.ACCESS, args));
  }
}
