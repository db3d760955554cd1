// Mints a token with npm jose: node mint.mjs '{ "key": JWK, "algorithm": "ES256", "claims": {…} }'
import { importJWK, SignJWT } from 'jose';

const { key, algorithm, claims } = JSON.parse(process.argv[2]);
const token = new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: key.kid });
console.log(await token.sign(await importJWK(key, algorithm)));
