import type { Channel } from './channels.ts';
import { digest, slackId, stamp, uuid } from './chance.ts';
import { mrkdwn } from './mrkdwn.ts';
import { BOTS, byHandle, profileCopy, TEAM } from './people.ts';
import type { Line, Upload } from './transcript.ts';

type Json = Record<string, unknown>;

const TYPES: Record<string, [mimetype: string, pretty: string]> = {
  pdf: ['application/pdf', 'PDF'],
  jpg: ['image/jpeg', 'JPEG'],
  png: ['image/png', 'PNG'],
  csv: ['text/csv', 'CSV'],
  zip: ['application/zip', 'Zip'],
  xlsx: ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'Excel Spreadsheet'],
  docx: ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'Word Document'],
};

/** Once in a while, and always the same for the same line. */
const sometimes = (line: Line, what: string, outOf: number): boolean =>
  parseInt(digest(`${what}/${line.ts}`).slice(0, 6), 16) % outOf === 0;

function slackFile(channel: Channel, line: Line, { name, size, title, comment }: Upload): Json {
  const who = byHandle(line.handle);
  const id = slackId('F', `${line.ts}/${name}`);
  const filetype = name.split('.').at(-1)!;
  const created = Math.floor(line.at / 1000) - 4;
  const token = `t=xoxe-EXAMPLE-${digest(id).slice(0, 12)}`;
  const open = channel.kind === 'public';
  return {
    id,
    created,
    timestamp: created,
    name,
    title,
    mimetype: TYPES[filetype]![0],
    filetype,
    pretty_type: TYPES[filetype]![1],
    user: who.id,
    user_team: TEAM,
    editable: false,
    size,
    mode: 'hosted',
    is_external: false,
    external_type: '',
    is_public: open,
    public_url_shared: false,
    display_as_bot: false,
    username: '',
    url_private: `https://files.slack.example/files-pri/${TEAM}-${id}/${name}?${token}`,
    url_private_download: `https://files.slack.example/files-pri/${TEAM}-${id}/download/${name}?${token}`,
    permalink: `https://brightwater.slack.example/files/${who.id}/${id}/${name}`,
    comments_count: comment ? 1 : 0,
    ...(comment
      ? { initial_comment: { id: slackId('Fc', id), created: created + 2, timestamp: created + 2, user: who.id, comment } }
      : {}),
    file_access: 'visible',
  };
}

function thread(line: Line, replies: readonly Line[]): Json {
  if (line.parent) {
    const author = line.parent.kind === 'tombstone' ? 'USLACKBOT' : byHandle(line.parent.handle).id;
    return { thread_ts: line.parent.ts, parent_user_id: author };
  }
  if (replies.length === 0) return {};
  const users = [...new Set(replies.map((reply) => byHandle(reply.handle).id))];
  return {
    thread_ts: line.ts,
    reply_count: replies.length,
    reply_users_count: users.length,
    latest_reply: replies.at(-1)!.ts,
    reply_users: users.slice(0, 5),
    replies: replies.map((reply) => ({ user: byHandle(reply.handle).id, ts: reply.ts })),
    is_locked: false,
    subscribed: false,
  };
}

function bot(line: Line, text: string): Json {
  const who = byHandle(line.handle);
  const shared = { type: 'message', text, ts: line.ts, bot_id: slackId('B', who.handle) };
  // Two ages of apps: the older one has no user of its own, only a name.
  if (who.handle === 'pigeon') return { ...shared, subtype: 'bot_message', username: who.name, icons: { emoji: ':bird:' } };
  const card = {
    id: shared.bot_id,
    app_id: slackId('A', who.handle),
    name: who.name,
    deleted: false,
    updated: 1_735_807_200,
    team_id: TEAM,
  };
  return { ...shared, user: who.id, team: TEAM, app_id: card.app_id, bot_profile: card };
}

function notice(line: Line): Json {
  const { id } = byHandle(line.handle);
  const base = { type: 'message', subtype: `channel_${line.kind}`, ts: line.ts, user: id };
  if (line.kind === 'join')
    return {
      ...base,
      text: `<@${id}> has joined the channel`,
      ...(line.handle === 'rosalind' ? { inviter: byHandle('maeve').id } : {}),
    };
  if (line.kind === 'leave') return { ...base, text: `<@${id}> has left the channel` };
  if (line.kind === 'archive') return { ...base, text: `<@${id}> archived the channel`, members: [] };
  return { ...base, text: `<@${id}> set the channel ${line.kind}: ${mrkdwn(line.raw, false).text}`, [line.kind]: line.raw };
}

function spoken(channel: Channel, line: Line): Json {
  const who = byHandle(line.handle);
  const old = line.oldMentions ?? sometimes(line, 'old', 6);
  const { text, elements } = mrkdwn(line.raw, old);
  if (BOTS.has(line.handle)) return bot(line, text);
  const rich = !old && (elements.some(({ type }) => type === 'user') || sometimes(line, 'rich', 3));
  const block = {
    type: 'rich_text',
    block_id: digest(`block/${line.ts}`).slice(0, 5),
    elements: [{ type: 'rich_text_section', elements }],
  };
  return {
    ...(line.files.length === 0 ? { client_msg_id: uuid(`message/${line.ts}`) } : {}),
    type: 'message',
    ...(line.kind === 'me' ? { subtype: 'me_message' } : {}),
    user: who.id,
    text,
    ts: line.ts,
    team: TEAM,
    ...(sometimes(line, 'profile', 2) ? { user_team: TEAM, source_team: TEAM, user_profile: profileCopy(who) } : {}),
    ...(rich ? { blocks: [block] } : {}),
    ...(line.files.length > 0 ? { files: line.files.map((file) => slackFile(channel, line, file)), upload: true } : {}),
    ...(line.edited ? { edited: { user: who.id, ts: stamp(line.edited, `edited/${line.ts}`).replace(/\d{6}$/, '000000') } } : {}),
  };
}

/** All messages of a channel in Slack's own shape, oldest first. */
export function slackMessages(channel: Channel, lines: readonly Line[]): { at: number; message: Json }[] {
  const shape = (line: Line): Json => {
    const replies = lines.filter((each) => each.parent === line);
    const reactions = line.reactions.map(({ name, handles }) => ({
      name,
      users: handles.map((handle) => byHandle(handle).id),
      count: handles.length,
    }));
    const body =
      line.kind === 'tombstone'
        ? {
            type: 'message',
            subtype: 'tombstone',
            text: 'This message was deleted.',
            user: 'USLACKBOT',
            hidden: true,
            ts: line.ts,
          }
        : line.kind === 'message' || line.kind === 'me'
          ? spoken(channel, line)
          : notice(line);
    const root = line.broadcast ? { subtype: 'thread_broadcast', root: shape(line.parent!) } : {};
    return { ...body, ...root, ...thread(line, replies), ...(reactions.length > 0 ? { reactions } : {}) };
  };
  return lines
    .toSorted((one, other) => one.at - other.at || (one.ts < other.ts ? -1 : 1))
    .map((line) => ({ at: line.at, message: shape(line) }));
}
