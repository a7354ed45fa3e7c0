/** Run by itself under a small heap: reads an export as an import would, and says in JSON how it ended and what memory it took. */
import { Refusal } from '../../../src/errors.ts';
import { FORMATS } from './made-up.ts';

const [format = '', path = ''] = process.argv.slice(2);
const counts: Record<string, number> = {};
const reasons = new Set<string>();
let refusal: string | undefined;
try {
  for await (const event of FORMATS[format]!.importer(path)) {
    counts[event.kind] = (counts[event.kind] ?? 0) + 1;
    if (event.kind === 'skipped' && reasons.size < 10) reasons.add(event.reason);
    if (event.kind !== 'record') continue;
    for (const open of event.content?.values() ?? []) for await (const _ of await open());
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  refusal = error.message;
}
process.stdout.write(JSON.stringify({ counts, reasons: [...reasons], refusal, peak: process.resourceUsage().maxRSS * 1024 }));
