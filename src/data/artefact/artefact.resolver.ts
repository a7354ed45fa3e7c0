import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../scope/context.ts';
import type { Permission } from '../../scope/permissions.ts';
import { DownloadLink } from './artefact.entity.ts';
import { createLink } from './link.service.ts';

@Resolver()
export class ArtefactResolver {
  @Authorized<Permission>('rights:request', 'self:read', 'export:app')
  @Mutation(() => DownloadLink, {
    description:
      'Makes a link that downloads an export file once, within some minutes (HABEAS_LINK_MINUTES). A broken download is resumed with Range and with the ETag of its first answer in If-Range, for an hour. EXPIRED once the file was deleted, NOT_FOUND outside the scope.',
  })
  createDownloadLink(
    @Arg('artefactId', () => ID, { description: 'UUID of the file (`artefact { id }` of its request).' }) artefactId: string,
    @Ctx() { request }: Context,
  ): Promise<DownloadLink> {
    return request.inScope((session) => createLink(session, artefactId));
  }
}
