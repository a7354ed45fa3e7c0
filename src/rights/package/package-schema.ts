import type { ExportColumn } from '../../data/holding.ts';
import { HOLDINGS } from '../../data/holdings.ts';
import { CONTEXT_COLUMNS } from './context.ts';
import { Others } from './package.options.ts';
import { PACKAGE_SCHEMA } from './person-package.ts';

const PERSON =
  'A name: of the data subject; of anybody else by the rule for others; "erased user" for somebody who was erased; null for nobody known.';

function columnSchema(column: ExportColumn): object {
  switch (column.as) {
    case 'time':
      return { type: ['string', 'null'], format: 'date-time' };
    case 'bigint':
      return { type: ['integer', 'null'] };
    case 'sealed-json':
      return { type: ['object', 'null'] };
    case 'sealed':
      return {
        type: ['string', 'null'],
        ...(column.mentions && { description: 'Mentions of people stand as @ and their name.' }),
      };
    case 'person':
      return { type: ['string', 'null'], description: PERSON };
    default:
      return { type: ['string', 'number', 'boolean', 'null'] };
  }
}

function rowsSchema(columns: readonly ExportColumn[], description?: string, file = false): object {
  const properties = {
    ...Object.fromEntries(columns.map((column) => [column.name, columnSchema(column)])),
    ...(file && {
      file: {
        type: ['string', 'null'],
        description: 'The entry of the zip that holds the content; null where only its description is held.',
      },
    }),
  };
  return {
    type: 'array',
    ...(description && { description }),
    items: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  };
}

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const object = (properties: Record<string, object>, required = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const list = (items: object): object => ({ type: 'array', items });
const time = { type: 'string', format: 'date-time' };
const timeOrNull = { type: ['string', 'null'], format: 'date-time' };

/** docs/package.schema.json: what data.json of a package may be, as JSON Schema 2020-12. Made from the holdings, so that it cannot lag behind them. */
export function packageSchema(): object {
  const data = Object.fromEntries(
    HOLDINGS.map((holding) => [holding.category, rowsSchema(holding.columns, holding.description, Boolean(holding.content))]),
  );
  const portable = HOLDINGS.filter((holding) => holding.portable !== false).map((holding) => holding.category);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `data.json of a package (${PACKAGE_SCHEMA})`,
    description: 'Made from the holdings the server walks. docs/package.md says what each part means.',
    ...object(
      {
        schema: { const: PACKAGE_SCHEMA },
        subject: { type: 'string', format: 'uuid', description: 'The data subject.' },
        others: { enum: Object.values(Others) },
        madeAt: time,
        about: object({
          categories: list(object({ category: text, description: text, count, oldest: timeOrNull, newest: timeOrNull })),
          recipients: object({ businessSystems: list(text), channels: list(text) }),
          source: text,
          restrictedAt: timeOrNull,
          rights: list(object({ article: text, right: text })),
        }),
        data: object(data, portable),
        context: object(
          Object.fromEntries(Object.entries(CONTEXT_COLUMNS).map(([name, columns]) => [name, rowsSchema(columns)])),
        ),
        withheld: list(
          object({
            category: text,
            reason: { enum: ['RIGHTS_OF_OTHERS', 'OUTSIDE_SCOPE', 'NOT_ASKED_FOR', 'NOT_SEARCHED'] },
            count: { type: ['integer', 'null'] },
            explanation: text,
          }),
        ),
      },
      ['schema', 'subject', 'others', 'madeAt', 'data', 'withheld'],
    ),
  };
}
