import { digest, wallClock } from './chance.ts';

type Json = Record<string, unknown>;

/** key | given | surname | locale | e-mail | phone | main channel | address on it | signed up */
const CUSTOMERS = `
mara|Mara|Lindqvist|en-NL|mara.lindqvist@example.org|+44 7700 900317|WHATSAPP|+447700900317|2024-05-14
theo|Theo|Brandsma|nl-NL|theo.brandsma@example.net|+44 7700 900455|WHATSAPP|+447700900455|2023-08-02
agnes|Agnes|Pohlmann|de-DE|a.pohlmann@example.net|+49 30 23125 117|APPLE_MESSAGES|urn:mbid:AQAAY-agnes-7f31|2026-03-09
gwen|Gwen|Pritchard|en-GB|gwen.pritchard@example.com|+44 7700 900128|WHATSAPP|+447700900128|2025-06-21
dario|Dario|Fontanelli|it-IT|dario@fontanelli.example|+44 7700 900583|INSTAGRAM|dario.folds.bikes|2026-03-11
roos|Roos|Kwakernaat|nl-NL|roos.kwakernaat@example.org|+44 7700 900764|FACEBOOK|psid-5520918827|2026-02-25
samuel|Samuel|Adeyinka|en-US|samuel.adeyinka@example.com|+1 555 0142|WEB|visitor-88a1c0|2026-03-18
birgit|Birgit|Halvorsen|nb-NO|birgit.halvorsen@example.org|+44 7700 900212|EMAIL|birgit.halvorsen@example.org|2022-11-30
yannick|Yannick|Delorme-Vos|fr-BE|yannick@example.net|+44 7700 900840|TWITTER|@yannick_rolls|2025-01-17
femke|Femke|Stuurman|nl-NL|femke.stuurman@example.com|+44 7700 900671|SMS|+447700900671|2024-09-08`;

const AGENTS = ['saskia|Saskia|Brouwer|Support lead', 'nadia|Nadia|Verkerk|Support', 'callum|Callum|Reyes|Support, UK'];
/** Address kinds that are identifiers of their own; the others are only reachable through their channel. */
const FINDABLE = new Set(['WHATSAPP', 'APPLE_MESSAGES', 'INSTAGRAM', 'FACEBOOK', 'TWITTER']);
const STREETS: Record<string, string> = {
  mara: 'Eendengracht 12 bis, Utrecht',
  gwen: 'The Old Goat House, Cwm Hwyaden',
  birgit: 'Ankeveien 3, Bergen',
};

export interface Customer {
  key: string;
  id: string;
  email: string;
  phone: string;
  channel: string;
  address: string;
  signedUp: string;
}

const rows = CUSTOMERS.trim()
  .split('\n')
  .map((row) => row.split('|') as [string, string, string, string, string, string, string, string, string]);

export const CUSTOMER: ReadonlyMap<string, Customer> = new Map(
  rows.map(([key, , , , email, written, channel, address, signedUp]) => [
    key,
    {
      key,
      id: `customer-${digest(`customer/${key}`).slice(0, 16)}`,
      email,
      phone: written.replaceAll(' ', ''),
      channel,
      address,
      signedUp,
    },
  ]),
);

const BOT = 'bot-brightwater-news';
/** The external id of anybody in the support app, by the short name in the transcript. */
export const supportId = (key: string): string => CUSTOMER.get(key)?.id ?? (key === 'news' ? BOT : `agent-${key}`);

function customer(row: (typeof rows)[number], lastSeen: string): Json {
  const [key, givenName, surname, locale, email, phone, channel, address, signedUp] = row;
  const verifiedAt = `${signedUp}T09:30:00Z`;
  const seen = { status: 'active', linkedAt: verifiedAt, lastSeenAt: lastSeen };
  const displayName = channel === 'INSTAGRAM' || channel === 'TWITTER' ? address.replace('@', '') : `${givenName} ${surname}`;
  const street = STREETS[key];
  return {
    type: 'user',
    externalId: supportId(key),
    kind: 'END_USER',
    profile: { givenName, surname, displayName, email, phone, locale },
    metadata: {
      customerNumber: `BW-C-${String(parseInt(digest(`number/${key}`).slice(0, 5), 16) % 10_000).padStart(6, '0')}`,
      newsletter: key !== 'mara',
    },
    identifiers: [
      { type: 'EMAIL', value: email, verifiedAt },
      { type: 'PHONE', value: phone, ...(key === 'yannick' ? {} : { verifiedAt }) },
      ...(FINDABLE.has(channel) ? [{ type: channel, value: address, verifiedAt }] : []),
      ...(street ? [{ type: 'ADDRESS', value: street }] : []),
    ],
    channels: [
      { channel, externalId: address, displayName, ...seen, raw: { profileName: displayName, optIn: channel === 'WHATSAPP' } },
      ...(channel === 'EMAIL' ? [] : [{ channel: 'EMAIL', externalId: email, displayName: `${givenName} ${surname}`, ...seen }]),
    ],
    signedUpAt: verifiedAt,
    lastActiveAt: lastSeen,
  };
}

/** Everybody in the support app; `lastSeen` says when a customer last wrote. */
export function supportUsers(lastSeen: (key: string) => string): Json[] {
  const agents = AGENTS.map((row, index) => {
    const [key, givenName, surname, title] = row.split('|') as [string, string, string, string];
    const email = `${givenName}.${surname}@brightwater.example`.toLowerCase();
    return {
      type: 'user',
      externalId: supportId(key),
      kind: 'AGENT',
      profile: {
        givenName,
        surname,
        displayName: givenName,
        handle: key,
        email,
        title,
        timezone: key === 'callum' ? 'Europe/London' : 'Europe/Amsterdam',
      },
      identifiers: [{ type: 'EMAIL', value: email, verifiedAt: '2025-01-02T08:00:00Z' }],
      signedUpAt: '2025-01-02T08:00:00Z',
      lastActiveAt: new Date(wallClock('04-24 17:00') + index * 60_000).toISOString(),
    };
  });
  const bot = { type: 'user', externalId: BOT, kind: 'BOT', profile: { displayName: 'Brightwater News' } };
  return [...rows.map((row) => customer(row, lastSeen(row[0]))), ...agents, bot];
}
