// What a person reads when something is refused.
import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors';
import { signInTrouble } from './errors';

describe('signing in', () => {
  it.each([
    [401, 'key_needed', 'this needs a valid key: send it as …', 'This is not a key of this Outcrop, or it was revoked.'],
    [0, 'unreachable', 'Outcrop does not answer.', 'Outcrop does not answer. Try again in a moment.'],
    [403, 'foreign_origin', 'pages of other origins may not call this API', 'Pages of other origins may not call this API.'],
  ])('%s is said in words', (status, code, message, words) => expect(signInTrouble(new ApiError(status, code, message))).toBe(words));
});
