import { asList, asObjects, asText, isLoose, type Loose } from './loose.ts';

/** An unfurl: a copy of what a link in the text leads to, a web page or somebody's message. */
const isUnfurl = (attachment: Loose): boolean =>
  attachment.from_url !== undefined || attachment.is_msg_unfurl === true || attachment.is_share === true;

/**
 * What a message says, as mrkdwn. Integrations often leave `text` empty and speak by cards: those are their own words. The cards
 * of people's messages are unfurls, copies that are left out.
 */
export function wordsOf(message: Loose): { mrkdwn: string; cards: number } {
  const text = asText(message.text) ?? '';
  if (!isFromIntegration(message)) return { mrkdwn: text, cards: 0 };
  const cards = asObjects(message.attachments).filter((attachment) => !isUnfurl(attachment));
  const said = [text, ...cards.map((card) => cardText(card))].filter((words) => words !== '');
  if (said.length > 0) return { mrkdwn: said.join('\n'), cards: cards.length };
  return { mrkdwn: blockText(message.blocks).join('\n'), cards: 0 };
}

const isFromIntegration = (message: Loose): boolean => message.subtype === 'bot_message' || asText(message.bot_id) !== undefined;

function cardText(card: Loose): string {
  const title = asText(card.title);
  const link = asText(card.title_link);
  const heading = title !== undefined && link !== undefined ? `<${link}|${title}>` : title;
  const fields = asObjects(card.fields).map((field) =>
    [asText(field.title), asText(field.value)].filter((part) => part).join(': '),
  );
  const lines = [asText(card.pretext), heading, asText(card.text), ...fields].filter((line): line is string => Boolean(line));
  return lines.length > 0 ? lines.join('\n') : (asText(card.fallback) ?? '');
}

/** The texts of Block Kit blocks, in order. The reader of the file has bounded how deep they nest. */
function blockText(blocks: unknown): string[] {
  return asList(blocks).flatMap((block) => {
    if (!isLoose(block)) return [];
    const own = isLoose(block.text) ? asText(block.text.text) : asText(block.text);
    const mention = block.type === 'user' ? asText(block.user_id) : undefined;
    const link = block.type === 'link' && own === undefined ? asText(block.url) : undefined;
    const here = [own, mention && `<@${mention}>`, link].filter((text): text is string => Boolean(text));
    return [...here, ...blockText(block.fields), ...blockText(block.elements)];
  });
}
