import { digest, slackId } from './chance.ts';

/** Who works at Brightwater Bikes. Handle, given name, surname, title, time zone; all made up. */
const STAFF = `
anneke|Anneke|de Wilde|Founder|Europe/Amsterdam
lena|Lena|Vogt|Product lead, Heron|Europe/Berlin
joost|Joost|Terpstra|Head of workshop|Europe/Amsterdam
priya|Priya|Raman|Firmware engineer|Europe/Amsterdam
tomas|Tomás|Quintela|Purchasing|Europe/Amsterdam
emre|Emre|Aksoy|Battery engineer|Europe/Amsterdam
saskia|Saskia|Brouwer|Support lead|Europe/Amsterdam
jonas|Jonas|Feldkamp|Frame designer|Europe/Berlin
maeve|Maeve|Corrigan|Marketing|Europe/Amsterdam
wout|Wout|Hazelaar|Mechanic|Europe/Amsterdam
ines|Ines|Baltasar|Finance|Europe/Amsterdam
kofi|Kofi|Amankwah|Test rider|Europe/Amsterdam
freya|Freya|Lindgaard|Web developer|Europe/Amsterdam
bram|Bram|Oosterwijk|Logistics|Europe/Amsterdam
dilara|Dilara|Yurt|People and office|Europe/Amsterdam
henning|Henning|Strothmann|Sales, Germany|Europe/Berlin
nadia|Nadia|Verkerk|Support|Europe/Amsterdam
callum|Callum|Reyes|Support, UK|Europe/London
mirthe|Mirthe|Zonneveld|Interface designer|Europe/Amsterdam
leon|Leon|Achterberg|Electronics technician|Europe/Amsterdam
yusra|Yusra|Haddane|Data analyst|Europe/Amsterdam
pieter|Pieter|Vlasman|Warehouse|Europe/Amsterdam
rosalind|Rosalind|Okafor|Photographer (guest)|Europe/London
torque|Torque||Tells how the test bench slept|Europe/Amsterdam
pigeon|Parcel Pigeon||Watches parcels and shelves|Europe/Amsterdam`;

export const BOTS = new Set(['torque', 'pigeon']);
export const GONE = 'pieter';
export const GUEST = 'rosalind';
export const TEAM = 'T0BW2HJ9K4Q';
const APRIL_24 = 1_777_046_400;

export interface Person {
  id: string;
  handle: string;
  given: string;
  surname: string;
  name: string;
  title: string;
  zone: string;
  email: string;
  phone: string;
}

function person(line: string, index: number): Person {
  const [handle, given, surname, title, zone] = line.split('|') as [string, string, string, string, string];
  const local = `${given}.${surname}`.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll(' ', '');
  const email = handle === GUEST ? 'rosalind@okafor-pictures.example' : `${local}@brightwater.example`;
  const name = surname ? `${given} ${surname}` : given;
  // The range that the British regulator keeps free for stories.
  const phone = `+44 7700 900${String(100 + index * 7).padStart(3, '0')}`;
  return { id: slackId('U', handle), handle, given, surname, name, title, zone, email, phone };
}

export const PEOPLE: ReadonlyMap<string, Person> = new Map(
  STAFF.trim()
    .split('\n')
    .map((line, index) => person(line, index))
    .map((who) => [who.handle, who]),
);

export function byHandle(handle: string): Person {
  const who = PEOPLE.get(handle);
  if (!who) throw new Error(`Nobody is called ${handle}.`);
  return who;
}

const avatar = (who: Person, size: number) =>
  `https://avatars.brightwater.example/${digest(`avatar/${who.handle}`).slice(0, 12)}_${size}.png`;

/** The copy of the author that Slack puts into many messages. */
export const profileCopy = (who: Person) => ({
  avatar_hash: digest(`avatar/${who.handle}`).slice(0, 12),
  image_72: avatar(who, 72),
  first_name: who.given,
  real_name: who.name,
  display_name: who.handle,
  team: TEAM,
  name: who.handle,
  is_restricted: who.handle === GUEST,
  is_ultra_restricted: false,
});

function profile(who: Person) {
  const bot = BOTS.has(who.handle);
  return {
    title: who.title,
    phone: bot ? '' : who.phone,
    skype: '',
    real_name: who.name,
    real_name_normalized: who.name,
    display_name: who.handle,
    display_name_normalized: who.handle,
    fields: null,
    status_text: who.handle === 'lena' ? 'Tromsø → Tarifa soon' : '',
    status_emoji: who.handle === 'lena' ? ':bike:' : '',
    status_expiration: 0,
    avatar_hash: digest(`avatar/${who.handle}`).slice(0, 12),
    first_name: who.given,
    last_name: who.surname,
    ...(bot
      ? { bot_id: slackId('B', who.handle), api_app_id: slackId('A', who.handle), always_active: true }
      : { email: who.email }),
    ...(who.handle === 'mirthe' ? { pronouns: 'she/they' } : {}),
    image_24: avatar(who, 24),
    image_72: avatar(who, 72),
    image_192: avatar(who, 192),
    team: TEAM,
  };
}

/** One entry of users.json; people who left have fewer fields, as in real exports. */
export function slackUser(who: Person) {
  const bot = BOTS.has(who.handle);
  const head = { id: who.id, team_id: TEAM, name: who.handle, deleted: who.handle === GONE };
  const tail = {
    is_bot: bot,
    is_app_user: false,
    updated: APRIL_24 - (parseInt(digest(`updated/${who.handle}`).slice(0, 6), 16) % 8_000_000),
  };
  if (who.handle === GONE) return { ...head, profile: profile(who), ...tail };
  return {
    ...head,
    color: digest(`colour/${who.handle}`).slice(0, 6),
    real_name: who.name,
    tz: who.zone,
    tz_label: who.zone === 'Europe/London' ? 'British Summer Time' : 'Central European Summer Time',
    tz_offset: who.zone === 'Europe/London' ? 3600 : 7200,
    profile: profile(who),
    is_admin: who.handle === 'anneke' || who.handle === 'dilara',
    is_owner: who.handle === 'anneke',
    is_primary_owner: who.handle === 'anneke',
    is_restricted: who.handle === GUEST,
    is_ultra_restricted: false,
    ...tail,
    is_email_confirmed: !bot,
    who_can_share_contact_card: 'EVERYONE',
  };
}
