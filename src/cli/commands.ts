import { registerApp } from './app.command.ts';
import { registerAudit } from './audit.command.ts';
import type { Register } from './command.ts';
import { registerDemo } from './demo.command.ts';
import { registerDoctor } from './doctor.command.ts';
import { registerErase } from './erase.command.ts';
import { registerExport } from './export.command.ts';
import { registerImport } from './import.command.ts';
import { registerKey } from './key.command.ts';
import { registerKeys } from './keys.command.ts';
import { registerMigrate } from './migrate.command.ts';
import { registerSchema } from './schema.command.ts';
import { registerServe } from './serve.command.ts';
import { registerTenant } from './tenant.command.ts';
import { registerToken } from './token.command.ts';

/** Every command, in the order that help lists them. */
export const COMMANDS: readonly Register[] = [
  registerServe,
  registerMigrate,
  registerDoctor,
  registerDemo,
  registerTenant,
  registerApp,
  registerKey,
  registerToken,
  registerImport,
  registerExport,
  registerErase,
  registerAudit,
  registerKeys,
  registerSchema,
];
