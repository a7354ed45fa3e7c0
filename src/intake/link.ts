const CREDENTIAL_NAMES = new Set([
  'token',
  'access_token',
  'auth_token',
  'id_token',
  'refresh_token',
  'api_key',
  'apikey',
  'pub_secret',
  'client_secret',
  'sig',
  'signature',
  'x-amz-signature',
  'x-amz-credential',
  'x-amz-security-token',
  'x-goog-signature',
  'x-goog-credential',
]);
/** Slack's own tokens, whatever the parameter is called (`?t=xoxe-…`). */
const SLACK_TOKEN = /^xox[a-z]-/i;

/** A link without what would open it for whoever holds the text: user and password, tokens, signatures. The rest stays as it was written. */
export function withoutCredentials(url: string): string {
  const anonymous = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]*@/i, '$1');
  const [beforeFragment = '', ...fragment] = anonymous.split('#');
  const [base = '', ...query] = beforeFragment.split('?');
  return base + part('?', query.join('?')) + part('#', fragment.join('#'));
}

function part(mark: '?' | '#', parameters: string): string {
  const kept = parameters.split('&').filter((parameter) => !isCredential(parameter));
  return parameters === '' || kept.length === 0 ? '' : mark + kept.join('&');
}

function isCredential(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=', 2);
  return value !== '' && (CREDENTIAL_NAMES.has(name.toLowerCase()) || SLACK_TOKEN.test(value));
}
