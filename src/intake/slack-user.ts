import { withoutCredentials } from './link.ts';
import { asLoose, asText, isLoose, type Loose } from './loose.ts';
import type { RawRecord } from './records.ts';
import type { Tally } from './tally.ts';

type RawUser = Extract<RawRecord, { type: 'user' }>;

const FLAGS = {
  deleted: 'deleted',
  is_admin: 'isAdmin',
  is_owner: 'isOwner',
  is_primary_owner: 'isPrimaryOwner',
  is_restricted: 'isRestricted',
  is_ultra_restricted: 'isUltraRestricted',
  is_app_user: 'isAppUser',
  is_invited_user: 'isInvitedUser',
  is_forgotten: 'isForgotten',
} as const;

/** An entry of users.json. Slack gives no date of deactivation: `deleted` stays a flag. */
export function toUser(raw: Loose, id: string, tally: Tally): RawUser {
  const profile = asLoose(raw.profile);
  countLeftOut(profile, tally);
  const skype = asText(profile.skype);
  return {
    type: 'user',
    externalId: id,
    kind: raw.is_bot === true || id === 'USLACKBOT' ? 'BOT' : 'END_USER',
    profile: { ...namesOf(raw, profile), ...contactsOf(raw, profile) },
    metadata: Object.fromEntries(Object.entries(FLAGS).flatMap(([field, flag]) => (raw[field] === true ? [[flag, true]] : []))),
    ...(skype === undefined ? {} : { channels: [{ channel: 'skype', externalId: skype }] }),
  };
}

function namesOf(raw: Loose, profile: Loose): NonNullable<RawUser['profile']> {
  const realName = asText(profile.real_name) ?? asText(raw.real_name);
  const displayName = asText(profile.display_name) ?? realName;
  const first = asText(profile.first_name);
  const surname = asText(profile.last_name);
  // Where Slack holds the real name only as one text and shows another, that text must not be lost.
  const givenName = first ?? (surname === undefined && realName !== displayName ? realName : undefined);
  return defined({ givenName, surname, displayName, handle: asText(raw.name), pronouns: asText(profile.pronouns) });
}

function contactsOf(raw: Loose, profile: Loose): NonNullable<RawUser['profile']> {
  const image = ['image_512', 'image_192', 'image_72', 'image_original'].map((size) => asText(profile[size])).find((url) => url);
  return defined({
    email: asText(profile.email),
    phone: asText(profile.phone),
    title: asText(profile.title),
    timezone: asText(raw.tz),
    locale: asText(raw.locale),
    avatarUrl: image === undefined ? undefined : withoutCredentials(image),
  });
}

function countLeftOut(profile: Loose, tally: Tally): void {
  const custom = Object.values(asLoose(profile.fields)).filter((field) => isLoose(field) && asText(field.value) !== undefined);
  tally.add('custom profile field (its label is not in the export)', custom.length);
  if (asText(profile.status_text) !== undefined) tally.add('status text of a profile');
}

/** Whoever is named in the export without an entry in users.json: a guest of another workspace, whose message alone says their name. */
export function toStranger(id: string, copy: Loose): RawUser {
  if (id === 'USLACKBOT') return { type: 'user', externalId: id, kind: 'BOT', profile: { displayName: 'Slackbot' } };
  const names = { displayName: asText(copy.display_name) ?? asText(copy.real_name), handle: asText(copy.name) };
  return { type: 'user', externalId: id, profile: defined(names) };
}

/** The author of a message that an integration wrote without a user of its own. */
export function toBot(message: Loose): RawUser | undefined {
  const own = asText(message.bot_id) ?? asText(message.username);
  if (own === undefined) return undefined;
  const displayName = asText(asLoose(message.bot_profile).name) ?? asText(message.username);
  return { type: 'user', externalId: `bot:${own}`.slice(0, 256), kind: 'BOT', profile: defined({ displayName }) };
}

function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
