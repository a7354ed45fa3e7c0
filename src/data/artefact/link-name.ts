/** A link's name in a URL: its tenant and its id, 32 bytes, so that it is found by entering that tenant alone. */
export function linkName(tenantId: string, linkId: string): string {
  return Buffer.from(`${tenantId}${linkId}`.replaceAll('-', ''), 'hex').toString('base64url');
}

export function readLinkName(name: string): { tenantId: string; linkId: string } | undefined {
  if (!/^[\w-]{43}$/.test(name)) return undefined;
  const hex = Buffer.from(name, 'base64url').toString('hex');
  return { tenantId: uuid(hex.slice(0, 32)), linkId: uuid(hex.slice(32)) };
}

const uuid = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
