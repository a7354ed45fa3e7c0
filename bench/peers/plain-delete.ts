import pg from 'pg';
import { answer, job } from '../child.ts';
import { timed } from '../measure.ts';

const BATCH = 5_000;

/** Deletes a person's rows by 5,000 a transaction, as the owner of the tables, so without their policies. */
const { url, tenant, person } = job<{ url: string; tenant: string; person: string }>();
const client = new pg.Client({ connectionString: url });
await client.connect();
let rows = 0;
const text =
  'delete from plain.messages where tenant_id = $1 and id in (select id from plain.messages where tenant_id = $1 and subject_id = $2 limit $3)';
const seconds = await timed(async () => {
  for (;;) {
    const { rowCount } = await client.query({ name: 'delete', text, values: [tenant, person, BATCH] });
    if (!rowCount) return;
    rows += rowCount;
  }
});
await client.end();
answer({ seconds, rows });
