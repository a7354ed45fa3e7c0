import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { Context, Soon } from '../../scope/context.ts';
import { Message } from '../message/message.entity.ts';
import { noteRead } from '../read-note.ts';
import { openText } from '../sealed-field.ts';
import { Attachment } from './attachment.entity.ts';
import { loadAttachments } from './attachment.queries.ts';

@Resolver(() => Attachment)
export class AttachmentResolver {
  @FieldResolver(() => String, { nullable: true, description: 'Its file name.' })
  name(@Root() { id, ownerId, sealedName }: Attachment, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: ownerId, column: 'attachments.name', row: id, value: sealedName });
  }

  @FieldResolver(() => String, { nullable: true, description: 'Where the platform keeps it, without credentials.' })
  url(@Root() { id, ownerId, sealedUrl }: Attachment, @Ctx() { request }: Context): Soon<string | null> {
    return openText(request, { owner: ownerId, column: 'attachments.url', row: id, value: sealedUrl });
  }
}

@Resolver(() => Message)
export class MessageAttachmentsResolver {
  @FieldResolver(() => [Attachment], { description: 'Its files.' })
  async attachments(@Root() message: Message, @Ctx() { request }: Context): Promise<Attachment[]> {
    const rows = (await request.loader(loadAttachments).load(message.id)) ?? [];
    noteRead(
      request,
      'attachment.read',
      rows.map((row) => ({ attachments: row.id })),
    );
    return rows;
  }
}
