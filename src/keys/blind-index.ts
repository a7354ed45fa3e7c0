import { createHmac } from 'node:crypto';

/**
 * The blind index of a value: HMAC-SHA-256 under a key derived from the tenant's key and the value's type, of the value as people
 * compare it. Equal values of one type have equal indexes within a tenant, and nowhere else; without the tenant key they say nothing.
 */
export function blindIndex(tenantKey: Buffer, type: string, value: string): Buffer {
  const typeKey = createHmac('sha256', tenantKey).update(`habeas blind index ${type}`).digest();
  return createHmac('sha256', typeKey).update(normalise(type, value), 'utf8').digest();
}

/** E-mail and handles without case, phones as digits after their +, names without case, accents' composition or extra spaces. */
export function normalise(type: string, value: string): string {
  const text = value.normalize('NFKC').trim();
  switch (type) {
    case 'EMAIL':
    case 'TWITTER':
    case 'INSTAGRAM':
    case 'FACEBOOK':
    case 'APPLE_MESSAGES':
      return text.toLowerCase().replace(/^@/, '');
    case 'PHONE':
    case 'WHATSAPP':
      return text.replace(/^00/, '+').replace(/[^\d+]/g, '');
    case 'NAME':
    case 'ADDRESS':
      return text.toLowerCase().replace(/\s+/g, ' ');
    default:
      return value;
  }
}
