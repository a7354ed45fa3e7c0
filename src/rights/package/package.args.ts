import { ArgsType, Field, ID } from 'type-graphql';
import { Others, PackageFormat } from './package.options.ts';

@ArgsType()
export class PackageArgs {
  @Field(() => ID, {
    nullable: true,
    description:
      'UUID of the data subject. May be left out with a user token, whose own data it then is. NOT_FOUND for anybody outside the scope.',
  })
  userId?: string | null;
  @Field(() => PackageFormat, { description: 'How the rows are written.' })
  format!: PackageFormat;
  @Field(() => Others, { defaultValue: Others.CONTEXT, description: 'What is shown of other people.' })
  others!: Others;
  @Field(() => String, {
    nullable: true,
    description:
      'Why the names of others are needed: 1 to 1,000 characters, for FULL and only then. Kept with the request and in the audit log, so one that names the person is refused.',
  })
  reason?: string | null;
  @Field(() => Boolean, { defaultValue: false, description: 'Encrypt the zip under a generated password.' })
  encrypted!: boolean;
}
