import t from 'tap';
import { DigestDoor } from '../support/camera/digest.ts';

/** The example of RFC 7616 §3.9.1; the nonce is not one of the door, so a right answer is stale. */
const EXAMPLE = { user: 'Mufasa', password: 'Circle of Life' };
const REALM = 'http-auth@example.org';
const URI = '/dir/index.html';

function header(algorithm: string, response: string): string {
  return (
    `Digest username="Mufasa", realm="${REALM}", uri="${URI}", algorithm=${algorithm}, ` +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, qop=auth, ' +
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ' +
    `response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
  );
}

const ANSWERS = {
  MD5: '8ca523f5e9506fed4657c9700eebdbec',
  'SHA-256': '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
};

for (const [algorithm, response] of Object.entries(ANSWERS)) {
  t.test(`the ${algorithm} example is right [RFC 7616 §3.9.1]`, async (t) => {
    const door = new DigestDoor({ realm: REALM, offer: 'both', nonceLifetimeMs: 1000 });
    t.equal(door.check(header(algorithm, response), 'GET', [URI], EXAMPLE), 'stale');
    t.equal(door.check(header(algorithm, response), 'GET', [URI], { ...EXAMPLE, password: 'x' }), 'refused');
    t.equal(door.check(header(algorithm, response), 'POST', [URI], EXAMPLE), 'refused');
    t.equal(door.check(header(algorithm, response), 'GET', ['/other'], EXAMPLE), 'malformed');
  });
}

t.test('an algorithm that is not offered is refused', async (t) => {
  const door = new DigestDoor({ realm: REALM, offer: 'sha256', nonceLifetimeMs: 1000 });
  t.equal(door.check(header('MD5', ANSWERS.MD5), 'GET', [URI], EXAMPLE), 'refused');
  t.match(door.challenges(true), [/algorithm=SHA-256.*stale=true/]);
});
