import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { RightsRequest } from '../request.entity.ts';

export enum PackageFormat {
  JSON = 'JSON',
  NDJSON = 'NDJSON',
  CSV = 'CSV',
}
registerEnumType(PackageFormat, {
  name: 'PackageFormat',
  description:
    'How the rows of a package are written. Every package is a zip with the files of the person, withheld.json and manifest.json beside (docs/package.md).',
  valuesConfig: {
    JSON: { description: 'One document, data.json (docs/package.schema.json). An exact copy.' },
    NDJSON: { description: 'One JSON object a line, data.ndjson. An exact copy.' },
    CSV: {
      description:
        'One CSV file for each category. Cells that a spreadsheet would run are escaped; the manifest says how to undo it.',
    },
  },
});

export enum Others {
  OWN = 'OWN',
  CONTEXT = 'CONTEXT',
  FULL = 'FULL',
}
registerEnumType(Others, {
  name: 'Others',
  description: 'What a package shows of other people (Art. 15(4), 20(4)). The rule in full is in docs/package.md.',
  valuesConfig: {
    OWN: { description: "Only the person's own data; others who must be named there under pseudonyms." },
    CONTEXT: {
      description:
        "Also other people's messages around theirs, everybody else under pseudonyms that are stable within the package.",
    },
    FULL: { description: 'As CONTEXT, with the names as they were. Needs a reason, which is recorded; refused to user tokens.' },
  },
});

@ObjectType({ description: 'A request for a package, and what opens it.' })
export class PackageRequest {
  @Field(() => RightsRequest, {
    description: 'The request. Ask for it again until its status is COMPLETED; then it has an artefact.',
  })
  request!: RightsRequest;
  @Field(() => String, {
    nullable: true,
    description:
      'The password of the zip (AES-256, 138 bits), if encryption was asked for. Shown this once, kept nowhere in clear: who loses it asks for a new package.',
  })
  password!: string | null;
}

/** What was asked for, as it stands in the request's options. */
export interface PackageOptions {
  format: PackageFormat;
  others: Others;
  encrypted: boolean;
  reason?: string;
}
