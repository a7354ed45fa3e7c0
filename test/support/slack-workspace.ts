/** A small made-up Slack workspace, as its export would be. */
export const ADA = 'U0000ADA1';
export const BEN = 'U0000BEN1';
export const CLEO = 'U000CLEO1';
export const users = [
  {
    id: ADA,
    name: 'ada',
    deleted: true,
    tz: 'Europe/London',
    is_admin: true,
    profile: {
      real_name: 'Ada Byron',
      display_name: 'Countess',
      email: 'ada@example.org',
      phone: '+44 1',
      title: 'Analyst',
      skype: 'ada.b',
      image_192: 'https://a.example/a.png?token=1',
    },
  },
  {
    id: BEN,
    name: 'ben',
    profile: {
      first_name: 'Ben',
      last_name: 'Stone',
      real_name: 'Ben Stone',
      status_text: 'away',
      fields: { Xf1: { value: 'x' } },
    },
  },
];
export const general = {
  id: 'C0GENERAL',
  name: 'general',
  created: '1600000000',
  creator: ADA,
  members: [ADA, BEN],
  topic: { value: 'all', creator: ADA },
};
/** An export with one day of one channel. */
export const day = (...messages: unknown[]) => ({
  'users.json': users,
  'channels.json': [general],
  'general/2020-11-05.json': messages,
});
export const said = (ts: string, more: object = {}) => ({ type: 'message', user: ADA, text: 'hello', ts, ...more });
