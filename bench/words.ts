import { logNormal, zipf, type Random } from './random.ts';

const STARTS = [
  'b',
  'br',
  'c',
  'ch',
  'd',
  'f',
  'g',
  'gr',
  'h',
  'k',
  'l',
  'm',
  'n',
  'p',
  'pr',
  's',
  'st',
  't',
  'tr',
  'v',
  'w',
  '',
];
const MIDDLES = ['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'ou', 'ö', 'é'];
const ENDS = ['', 'n', 'r', 's', 't', 'l', 'nd', 'st', 'ck', 'm'];
const OTHERS = [
  '👍',
  '🙏',
  '😂',
  'https://example.org/p/48213',
  '+49 30 1234567',
  'ORDER-77120',
  '"quoted"',
  '10:30',
  '日本語',
  'привет',
];
const MEDIAN = 60;
const SIGMA = 0.9;
const LONGEST = 8000;

/** Chat-like texts: invented words by Zipf's law, lengths log-normal around 60 characters, some with a line break, an emoji, a link. */
export function texts(random: Random): () => string {
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  const syllable = (): string => pick(STARTS) + pick(MIDDLES) + pick(ENDS);
  const words = Array.from(
    { length: 6000 },
    (_, rank) => syllable() + (rank > 60 ? syllable() : '') + (rank > 1500 ? syllable() : ''),
  );
  const rank = zipf(random, words.length, 1);
  const length = logNormal(random, MEDIAN, SIGMA);
  return () => {
    const wanted = Math.min(LONGEST, Math.max(2, Math.round(length())));
    let text = words[rank()]!;
    while (text.length < wanted) {
      const roll = random();
      text += roll < 0.06 ? '. ' : roll < 0.12 ? ', ' : roll < 0.125 ? '\n' : ' ';
      text += roll > 0.985 ? pick(OTHERS) : words[rank()]!;
    }
    return text;
  };
}

/** Names of people, invented as well. */
export function names(random: Random): () => string {
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  const part = (): string => {
    const name = pick(STARTS) + pick(MIDDLES) + pick(ENDS) + pick(STARTS) + pick(MIDDLES) + pick(ENDS);
    return name.charAt(0).toUpperCase() + name.slice(1);
  };
  return () => `${part()} ${part()}`;
}
