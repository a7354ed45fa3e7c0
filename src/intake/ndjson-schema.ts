import { z } from 'zod';
import { recordSchema } from './records.ts';

/** The version of the native format: it changes only where a reader of the old one would go wrong. */
export const NATIVE_SCHEMA = 'habeas-native/1';

/** The first line of a native file, if it has one; further fields are for people, and are not read. */
export const headerSchema = z.looseObject({
  type: z.literal('header'),
  schema: z.literal(NATIVE_SCHEMA),
  exportedAt: z.iso.datetime({ offset: true }).optional(),
  generator: z.string().optional(),
});

/** docs/ndjson.schema.json: what one line of a native NDJSON file may be, as JSON Schema 2020-12. */
export function ndjsonSchema(): object {
  const schema = z.toJSONSchema(z.union([headerSchema, recordSchema]), { io: 'input', target: 'draft-2020-12' });
  return {
    ...schema,
    title: `One line of a native NDJSON file (${NATIVE_SCHEMA})`,
    description: 'Made from the schemas the server itself checks with. docs/ndjson.md says what each field means.',
  };
}
