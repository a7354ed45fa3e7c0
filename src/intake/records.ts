import type { Readable } from 'node:stream';
import { z } from 'zod';

/**
 * The native record types: what `ingest` takes, what each line of a native NDJSON file holds (docs/ndjson.md), and what every
 * importer yields. People, conversations and messages are named by the external id they have on the platform they came from.
 */

export const USER_KINDS = ['END_USER', 'AGENT', 'BOT'] as const;
export const CONVERSATION_KINDS = ['DIRECT', 'PRIVATE_GROUP', 'PUBLIC_GROUP', 'PERSONAL'] as const;
export const MESSAGE_KINDS = ['TEXT', 'ACTION', 'SYSTEM', 'BOT', 'COMMENT', 'FILE', 'TOMBSTONE'] as const;
export const DIRECTIONS = ['INBOUND', 'OUTBOUND', 'INTERNAL'] as const;
export const CALL_KINDS = ['VOICE', 'VIDEO'] as const;
/** RIGHTS.md's names; the type of an identifier decides how its value is normalised before it is indexed. */
export const IDENTIFIER_TYPES = [
  'NAME',
  'ADDRESS',
  'PHONE',
  'EMAIL',
  'TWITTER',
  'INSTAGRAM',
  'FACEBOOK',
  'APPLE_MESSAGES',
  'WHATSAPP',
  'EXTERNAL_ID',
] as const;

// PostgreSQL text refuses NUL bytes, and a lone surrogate cannot be written as UTF-8; both are replaced by U+FFFD on the way in.
// eslint-disable-next-line no-control-regex
const clean = (text: string): string => text.replaceAll('\u0000', '\uFFFD').toWellFormed();
const text = (max: number) => z.string().max(max).transform(clean);
const id = z.string().min(1).max(256).transform(clean);
// What PostgreSQL reads, too (no year 0, no zone 16 hours or more from UTC, no endless fraction of a second); and, as UTC, what can be
// written again as it was read: in the years 1 to 9999.
const [FIRST, LAST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];
const time = z.iso
  .datetime({ offset: true })
  .refine(
    (value) =>
      value.length <= 64 && !/[+-](?:1[6-9]|2\d):\d\d$/.test(value) && Date.parse(value) >= FIRST && Date.parse(value) <= LAST,
    'not in the years 1 to 9999, or of a zone 16 hours or more from UTC',
  );
const cleanJson = (value: unknown): unknown => {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map(cleanJson);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [clean(key), cleanJson(member)]));
  return value;
};
/** Of a text, and of an object as JSON. */
const LONGEST = 1_000_000;
export const isTooLong = (value: object): boolean => JSON.stringify(value).length > LONGEST;
const json = z
  .record(z.string(), z.json())
  .transform((value) => cleanJson(value) as Record<string, unknown>)
  .refine((value) => !isTooLong(value), `longer than ${LONGEST} characters as JSON`);

const profileSchema = z
  .strictObject({
    givenName: text(512),
    surname: text(512),
    displayName: text(512),
    handle: text(512),
    email: text(512),
    phone: text(128),
    avatarUrl: text(2048),
    locale: text(64),
    timezone: text(128),
    title: text(512),
    pronouns: text(128),
  })
  .partial();

const userSchema = z.strictObject({
  type: z.literal('user'),
  externalId: id,
  kind: z.enum(USER_KINDS).default('END_USER'),
  profile: profileSchema.default({}),
  metadata: json.default({}),
  identifiers: z
    .array(z.strictObject({ type: z.enum(IDENTIFIER_TYPES), value: id, verifiedAt: time.optional() }))
    .max(64)
    .default([]),
  channels: z
    .array(
      z.strictObject({
        channel: id,
        externalId: id,
        displayName: text(512).optional(),
        status: text(64).optional(),
        raw: json.optional(),
        linkedAt: time.optional(),
        lastSeenAt: time.optional(),
      }),
    )
    .max(64)
    .default([]),
  signedUpAt: time.optional(),
  lastActiveAt: time.optional(),
  deactivatedAt: time.optional(),
});

const participant = { user: id, role: text(64).optional(), joinedAt: time.optional(), leftAt: time.optional() };

const conversationSchema = z.strictObject({
  type: z.literal('conversation'),
  externalId: id,
  kind: z.enum(CONVERSATION_KINDS),
  name: text(512).optional(),
  createdAt: time.optional(),
  archivedAt: time.optional(),
  participants: z.array(z.strictObject(participant)).max(100_000).default([]),
});

const participantSchema = z.strictObject({ type: z.literal('participant'), conversation: id, ...participant });

export const attachmentSchema = z.strictObject({
  externalId: id,
  name: text(1024).optional(),
  contentType: text(256).optional(),
  size: z.int().nonnegative().optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Whoever uploaded it, where that is not the author of the message. */
  uploader: id.optional(),
  /** Where the platform keeps it, without credentials. */
  url: text(4096).optional(),
  /** Where its content lies, relative to the folder of the NDJSON file (never outside it). */
  path: text(4096).optional(),
});

const reactionFields = { user: id, emoji: id, reactedAt: time.optional() };

const messageSchema = z.strictObject({
  type: z.literal('message'),
  externalId: id,
  conversation: id,
  /** Absent where no person and no bot is known to have written it. */
  author: id.optional(),
  sentAt: time,
  editedAt: time.optional(),
  /** The external id, in the same conversation, of the message this one answers (a thread's first message). */
  replyTo: id.optional(),
  channel: text(64).optional(),
  direction: z.enum(DIRECTIONS).optional(),
  kind: z.enum(MESSAGE_KINDS).default('TEXT'),
  /** A mention stands as `<@EXTERNAL_ID>` for each id in `mentions`; any other `<@…>` is plain text. */
  body: text(LONGEST).default(''),
  mentions: z.array(id).max(10_000).default([]),
  metadata: json.default({}),
  campaignId: id.optional(),
  attachments: z.array(attachmentSchema).max(1000).default([]),
  reactions: z.array(z.strictObject(reactionFields)).max(100_000).default([]),
});

/** A new text for a message already held. */
const editSchema = z.strictObject({
  type: z.literal('messageEdit'),
  conversation: id,
  externalId: id,
  editedAt: time,
  body: text(LONGEST),
  mentions: z.array(id).max(10_000).default([]),
});

/** The platform deleted the message: its row goes, its place in a thread stays as a tombstone. */
const deletionSchema = z.strictObject({ type: z.literal('messageDeletion'), conversation: id, externalId: id });

const reactionSchema = z.strictObject({ type: z.literal('reaction'), conversation: id, message: id, ...reactionFields });

const callSchema = z.strictObject({
  type: z.literal('call'),
  externalId: id,
  conversation: id.optional(),
  initiator: id,
  kind: z.enum(CALL_KINDS).default('VOICE'),
  startedAt: time,
  endedAt: time.optional(),
  participants: z
    .array(z.strictObject({ user: id, joinedAt: time.optional(), leftAt: time.optional() }))
    .max(10_000)
    .default([]),
});

/** Traffic data: one attempt to deliver to one person (a call detail record, a delivery receipt). */
const deliverySchema = z.strictObject({
  type: z.literal('delivery'),
  externalId: id,
  user: id,
  conversation: id.optional(),
  message: id.optional(),
  channel: text(64),
  source: text(512).optional(),
  destination: text(512).optional(),
  status: text(64),
  at: time,
});

/** Where a business system speaks of the person: a ticket, a CRM record. */
const businessLinkSchema = z.strictObject({ type: z.literal('businessLink'), user: id, system: id, reference: id });

export const recordSchema = z.discriminatedUnion('type', [
  userSchema,
  conversationSchema,
  participantSchema,
  messageSchema,
  editSchema,
  deletionSchema,
  reactionSchema,
  callSchema,
  deliverySchema,
  businessLinkSchema,
]);

export type IntakeRecord = z.output<typeof recordSchema>;
/** A record as an importer may write it: defaults not yet filled in. `parseRecord` completes it. */
export type RawRecord = z.input<typeof recordSchema>;

/** Where in the source something stands; `line` counts from 1 (an element of a JSON array counts as a line of its own: `item`). */
export interface Position {
  file: string;
  line?: number;
  item?: number;
}

/**
 * Of a person whom an export calls by several names, here and there: FIRST makes them known if they are not held, and changes nobody who is;
 * LAST is how they are called at the end. So the same export again does not call them by their old name until it is over.
 */
export type Told = 'FIRST' | 'LAST';

/** What an importer yields. Order: whoever is named in a record was yielded before it; a reply may come before what it answers. */
export type SourceEvent =
  | {
      kind: 'record';
      at: Position;
      record: IntakeRecord;
      /** Opens the content of an attachment, by the attachment's external id, where the source holds it. */
      content?: ReadonlyMap<string, () => Promise<Readable>>;
      told?: Told;
    }
  /** Something that is not taken over: a malformed line, an event with no counterpart. `what` is a record type or the source's own word. */
  | { kind: 'skipped'; at: Position; what: string; reason: string }
  /** Copies of personal data that are left out on purpose (profile copies, parent copies, credentials): counted, never kept. */
  | { kind: 'dropped'; what: string; count: number }
  /** Taken over, but not as it stood: says what was done. Never quotes personal data. */
  | { kind: 'warning'; at: Position; message: string }
  /** How much of the source has been read, in bytes. */
  | { kind: 'progress'; done: number; total: number };

/** Reads a whole export. Throws a Refusal naming file and line where nothing sensible can follow (no users.json, a broken zip). */
export type Importer = (path: string) => AsyncGenerator<SourceEvent>;
