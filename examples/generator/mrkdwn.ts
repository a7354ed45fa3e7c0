import { CHANNELS } from './channels.ts';
import { PEOPLE } from './people.ts';

const TOKEN = /(https:\/\/\S+)|([\w.-]+@[\w.-]+\.example)|(?<!\w)@([a-z]+)|(?<!\w)#([a-z][a-z0-9-]+)|:([a-z][a-z0-9_+-]*):/g;

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

interface Element {
  type: string;
  [key: string]: unknown;
}

/** Turns a transcript's words into Slack's text and the elements of its rich text block. */
export function mrkdwn(raw: string, oldMentions: boolean): { text: string; elements: Element[] } {
  const elements: Element[] = [];
  let text = '';
  let from = 0;
  const add = (source: string, written: string, element: Element, at: number) => {
    const before = raw.slice(from, at);
    if (before !== '') elements.push({ type: 'text', text: before });
    text += escape(before) + written;
    elements.push(element);
    from = at + source.length;
  };
  for (const match of raw.matchAll(TOKEN)) {
    const [source, url, email, handle, name, emoji] = match;
    const who = PEOPLE.get(handle ?? '');
    const channel = CHANNELS.find((each) => each.name === name);
    if (url) add(source, `<${url}>`, { type: 'link', url }, match.index);
    else if (email) add(source, `<mailto:${email}|${email}>`, { type: 'link', url: `mailto:${email}`, text: email }, match.index);
    else if (handle === 'here') add(source, '<!here>', { type: 'broadcast', range: 'here' }, match.index);
    else if (who)
      add(source, oldMentions ? `<@${who.id}|${who.handle}>` : `<@${who.id}>`, { type: 'user', user_id: who.id }, match.index);
    else if (channel) add(source, `<#${channel.id}|${channel.name}>`, { type: 'channel', channel_id: channel.id }, match.index);
    else if (emoji) add(source, source, { type: 'emoji', name: emoji }, match.index);
  }
  const rest = raw.slice(from);
  if (rest !== '') elements.push({ type: 'text', text: rest });
  return { text: text + escape(rest), elements };
}
