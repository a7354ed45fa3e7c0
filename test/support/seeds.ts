import fc from 'fast-check';

/**
 * `npm test` is repeatable: its random tests start from one seed. `npm run test:long` explores, and prints the seed of what it finds;
 * FC_SEED and HABEAS_SEED bring a case back.
 */
if (!process.env['HABEAS_LONG']) {
  process.env['FC_SEED'] ??= '20261122';
  process.env['HABEAS_SEED'] ??= '20261122';
  fc.configureGlobal({ seed: Number(process.env['FC_SEED']) });
}
