import { expect, test } from '@jest/globals';
import { parseProfileName } from '../../src/model/ids.js';
import { defaultProfile, ProfileRecord, profileKey } from '../../src/model/profile.js';

const web = defaultProfile(parseProfileName('web'));

test('a profile starts with the tag of its name, inbound from that tag, and outbound to everywhere', () => {
  expect(JSON.parse(ProfileRecord.encode(web))).toEqual({
    apiVersion: 'corduroy/v1',
    kind: 'Profile',
    name: 'web',
    tags: ['web'],
    inbound: ['allow from tag web'],
    outbound: ['allow'],
    mode: 'enforce',
  });
});

test('a stored profile reads back as it was', () => {
  expect(ProfileRecord.decode(profileKey(web.name), ProfileRecord.encode(web))).toEqual(web);
});

test('a stored rule that does not parse is reported by key and field', () => {
  const text = ProfileRecord.encode(web).replace('allow from tag web', 'allow from web');
  expect(() => ProfileRecord.decode(profileKey(web.name), text)).toThrow(
    /\/corduroy\/v1\/profile\/web cannot be read: field "inbound\.0": in the rule "allow from web", at column 12/,
  );
});
