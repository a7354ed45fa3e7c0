import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withoutCredentials } from '../../src/intake/link.ts';
import { toPlainText, type Directory } from '../../src/intake/mrkdwn.ts';
import { readSeconds, readTimestamp } from '../../src/intake/slack-time.ts';
import { Tally } from '../../src/intake/tally.ts';

const people: Readonly<Record<string, string>> = { ada: 'U0000ADA1', ben: 'U0000BEN1' };
const directory: Directory = {
  isUser: (id) => Object.values(people).includes(id),
  userOfHandle: (handle) => people[handle],
  channelName: (id) => (id === 'C0GENERAL' ? 'general' : undefined),
};
const read = (mrkdwn: string) => {
  const tally = new Tally();
  const { body, mentions, ambiguous } = toPlainText(mrkdwn, directory, tally);
  const dropped = Object.fromEntries(
    [...tally.events()].map((event) => (event.kind === 'dropped' ? [event.what, event.count] : [])),
  );
  return { body, mentions, ambiguous, dropped };
};

describe('the text of a Slack message', () => {
  test.each([
    ['keeps a mention by id alone', 'hi <@U0000ADA1>!', 'hi <@U0000ADA1>!', ['U0000ADA1']],
    ['loses the name copied into a mention', 'hi <@U0000ADA1|ada>', 'hi <@U0000ADA1>', ['U0000ADA1']],
    ['mentions one who is not in the export', '<@U0STRANGE1>', '<@U0STRANGE1>', ['U0STRANGE1']],
    ['lists a person once', '<@U0000ADA1> <@U0000ADA1>', '<@U0000ADA1> <@U0000ADA1>', ['U0000ADA1']],
    ['shows channels by name', '<#C0GENERAL|general> <#C0GENERAL> <#C0UNKNOWN>', '#general #general #C0UNKNOWN', []],
    [
      'shows calls to groups',
      '<!here> <!channel|channel> <!subteam^S012345|@team> <!everyone>',
      '@here @channel @team @everyone',
      [],
    ],
    ['shows dates by their text', '<!date^1392734382^{date}|18 February 2014>', '18 February 2014', []],
    ['shows links with their label', '<https://example.org/a|our page>', 'our page (https://example.org/a)', []],
    [
      'shows a link once where the label is the link',
      '<https://example.org|example.org> <mailto:a@example.org|a@example.org>',
      'https://example.org a@example.org',
      [],
    ],
    ['is unescaped once only', '1 &lt; 2 &amp;amp; 3 &gt; 2', '1 < 2 &amp; 3 > 2', []],
    ['keeps an empty text', '', '', []],
    ['keeps a lone bracket', 'a < b', 'a < b', []],
  ])('%s', (_, mrkdwn, body, mentions) => {
    expect(read(mrkdwn)).toMatchObject({ body, mentions });
  });

  test('a mention that somebody typed by hand is text, and mentions nobody', () => {
    expect(read('use &lt;@U0000ADA1&gt; to call her')).toMatchObject({
      body: 'use <@U0000ADA1> to call her',
      mentions: [],
      ambiguous: false,
    });
    expect(read('&lt;@U0000ADA1&gt; <@U0000ADA1>')).toMatchObject({ mentions: ['U0000ADA1'], ambiguous: true });
  });

  test('ids that Slack writes into its sentences become mentions, other words do not', () => {
    expect(read("commented on U0000BEN1's file; XU0000BEN1 U0000BEN12 u0000ben1")).toMatchObject({
      body: "commented on <@U0000BEN1>'s file; XU0000BEN1 U0000BEN12 u0000ben1",
      mentions: ['U0000BEN1'],
      dropped: { 'bare user id (made a mention)': 1 },
    });
  });

  test('links to files lose the handle or id of their owner, links to profiles become mentions', () => {
    expect(
      read('<https://acme.slack.com/files/ada/F0123/x.png|x> <https://acme.slack.com/files/U0000BEN1/F0123/x.png>'),
    ).toMatchObject({
      body: 'x (https://acme.slack.com/files/F0123/x.png) https://acme.slack.com/files/F0123/x.png',
      mentions: [],
      dropped: { 'owner named in a file link': 2 },
    });
    expect(read('<https://acme.slack.com/team/ada> <https://acme.slack.com/team/nobody>')).toMatchObject({
      body: '<@U0000ADA1> https://acme.slack.com/team/nobody',
      mentions: ['U0000ADA1'],
    });
  });

  test('credentials are stripped from links, marked or not', () => {
    expect(
      read('<https://files.slack.com/a?a=1&amp;t=xoxe-1-2|a &amp; b> see https://ben:pw@example.org/?token=1&amp;page=2'),
    ).toMatchObject({
      body: 'a & b (https://files.slack.com/a?a=1) see https://example.org/?page=2',
      dropped: { 'credential in a link': 2 },
    });
  });

  test('never mentions anyone without saying so in the text, whatever was typed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', '@', '|', '&lt;', '&gt;', '&amp;', 'U0000ADA1', '#', '!', 'x', ' ')),
        (parts) => {
          const { body, mentions } = read(parts.join(''));
          expect(mentions.filter((id) => !body.includes(`<@${id}>`))).toEqual([]);
        },
      ),
    );
  });
});

describe('a link', () => {
  test.each([
    ['https://files.slack.com/f?t=xoxe-1', 'https://files.slack.com/f'],
    ['https://files.slack.com/f?pub_secret=1&a=b', 'https://files.slack.com/f?a=b'],
    ['https://s3.example/f?X-Amz-Signature=1&X-Amz-Date=2#top', 'https://s3.example/f?X-Amz-Date=2#top'],
    ['https://example.org/cb#access_token=1', 'https://example.org/cb'],
    ['https://u:p@example.org/@handle?t=120', 'https://example.org/@handle?t=120'],
    ['https://example.org/?a=1?b=2#x#y', 'https://example.org/?a=1?b=2#x#y'],
  ])('%s becomes %s', (url, clean) => {
    expect(withoutCredentials(url)).toBe(clean);
  });
});

describe('a Slack time', () => {
  test('is read to the microsecond, not through a float', () => {
    expect(readTimestamp('1604573608.000200')).toEqual({ micros: 1_604_573_608_000_200, iso: '2020-11-05T10:53:28.000Z' });
    expect(readTimestamp('1604573608.999999')?.iso).toBe('2020-11-05T10:53:28.999Z');
    expect(readTimestamp('1604573608.1')?.micros).toBe(1_604_573_608_100_000);
  });

  test.each([[1604573608.0002], ['abc'], ['1604573608.0000001'], [''], [undefined], ['-1.0']])('%p is none', (value) => {
    expect(readTimestamp(value)).toBeUndefined();
  });

  test('of a channel may be a number or a text', () => {
    expect([readSeconds(1604573608), readSeconds('1604573608'), readSeconds(0), readSeconds('x')]).toEqual([
      '2020-11-05T10:53:28.000Z',
      '2020-11-05T10:53:28.000Z',
      undefined,
      undefined,
    ]);
  });
});
