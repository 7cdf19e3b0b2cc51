import assert from 'node:assert/strict';
import { test } from 'node:test';

import { totp } from './totp.mjs';

// RFC 6238, appendix B, cut to six digits.
test('codes are the ones an authenticator app shows', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  assert.equal(totp(secret, 59_000), '287082');
  assert.equal(totp(secret, 1_111_111_109_000), '081804');
  assert.equal(totp(secret, 20_000_000_000_000), '353130');
});
