/** Readers for JSON that other systems wrote, in which no field can be relied on to be there or to be of its type. */
export type Loose = Readonly<Record<string, unknown>>;

export const isLoose = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
export const asLoose = (value: unknown): Loose => (isLoose(value) ? value : {});
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const asObjects = (value: unknown): Loose[] => asList(value).filter(isLoose);
/** A text that says something. */
export const asText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
export const asTexts = (value: unknown): string[] => asList(value).filter((item): item is string => asText(item) !== undefined);
