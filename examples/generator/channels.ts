import { slackId } from './chance.ts';
import { BOTS, byHandle, GONE, GUEST, PEOPLE } from './people.ts';

export interface Channel {
  id: string;
  name: string;
  kind: 'public' | 'private' | 'direct' | 'group';
  /** The folder of its messages. */
  folder: string;
  members: string[];
  creator: string;
  topic: string;
  purpose: string;
  archived: boolean;
}

const staff = [...PEOPLE.keys()].filter((handle) => handle !== GUEST && handle !== GONE && !BOTS.has(handle));

/** name | creator | members ("all": everybody on the staff) | topic | purpose */
const PUBLIC = `
general|anneke|all|Heron Day: 18 April|News for everybody
random|anneke|all||Soup, lunch rides and geese
heron-launch|lena|lena joost priya emre tomas jonas maeve anneke henning kofi freya mirthe saskia bram wout leon yusra ines nadia callum rosalind|18 April!|Everything for the launch of the Heron cargo bike
workshop|joost|joost wout leon kofi priya tomas henning saskia lena maeve anneke jonas bram|Two signatures on every card|Stands, tools and mysteries
battery-lab|emre|emre leon priya lena wout tomas bram yusra joost kofi jonas dilara||Cells, packs and caution
firmware|priya|priya leon emre mirthe freya lena kofi joost anneke torque|No release on a Friday|What the bike thinks
support-desk|saskia|saskia nadia callum lena leon freya joost dilara maeve priya mirthe anneke|Kind first, fast second|Customers, bolts and cookies
supply-chain|tomas|tomas bram ines lena joost kofi yusra wout emre anneke pigeon||Parts in, parcels out
marketing|maeve|maeve lena freya henning mirthe yusra kofi anneke jonas saskia wout joost callum|Heron Day 18 April · Carry on.|Words and pictures
standup|lena|all||One line each morning
winter-sale-2025|maeve|maeve henning ines bram lena callum nadia anneke||The winter sale (over)
office-move|dilara|dilara bram jonas freya leon lena wout ines kofi anneke joost||Boxes and keys (done)`;

const PRIVATE = `
leadership|anneke|anneke lena joost tomas ines dilara||The round table
heron-pricing|lena|lena ines henning anneke||What does a Heron cost?`;

const rows = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((row) => row.split('|') as [string, string, string, string, string]);

const channel =
  (kind: 'public' | 'private') =>
  (row: [string, string, string, string, string]): Channel => {
    const [name, creator, members, topic, purpose] = row;
    const archived = /\((over|done)\)$/.test(purpose);
    const handles = members === 'all' ? staff.filter((handle) => name !== 'general' || handle !== 'lena') : members.split(' ');
    return { id: slackId('C', name), name, kind, folder: name, members: handles, creator, topic, purpose, archived };
  };

function direct(...members: string[]): Channel {
  const id = slackId('D', members.join('-'));
  return {
    id,
    name: `dm-${members.join('-')}`,
    kind: 'direct',
    folder: id,
    members,
    creator: members[0]!,
    topic: '',
    purpose: '',
    archived: false,
  };
}

const shoot = ['lena', 'maeve', 'rosalind'];

export const CHANNELS: readonly Channel[] = [
  ...rows(PUBLIC).map(channel('public')),
  ...rows(PRIVATE).map(channel('private')),
  direct('lena', 'joost'),
  direct('lena', 'priya'),
  direct('saskia', 'nadia'),
  {
    id: slackId('C', 'shoot'),
    name: `mpdm-${shoot.join('--')}-1`,
    kind: 'group',
    folder: `mpdm-${shoot.join('--')}-1`,
    members: shoot,
    creator: 'maeve',
    topic: 'Group messaging',
    purpose: `Group messaging with: @${shoot.join(' @')}`,
    archived: false,
  },
];

const CREATED = 1_735_807_200; // 2 January 2025
const HERON_PLANNED = 1_757_404_800; // 9 September 2025

/** The entry of channels.json, groups.json, dms.json or mpims.json. */
export function slackChannel({ id, name, kind, members, creator, topic, purpose, archived }: Channel) {
  const ids = members.map((handle) => byHandle(handle).id);
  const created = name.includes('heron') || kind === 'group' ? HERON_PLANNED : CREATED;
  if (kind === 'direct') return { id, created, members: ids };
  const by = byHandle(creator).id;
  const note = (value: string) => ({ value, creator: value === '' ? '' : by, last_set: value === '' ? 0 : created + 60 });
  return {
    id,
    name,
    created,
    creator: by,
    is_archived: archived,
    ...(kind === 'public' ? { is_general: name === 'general' } : {}),
    members: ids,
    topic: note(topic),
    purpose: note(purpose),
  };
}
