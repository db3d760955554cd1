// A real, certified OpenID provider (npm oidc-provider) on loopback, over TLS.
// node openid_provider.mjs SETTINGS.json   { port, jwks, certificate, key }: the key set is what it signs with
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const { port, jwks, certificate, key } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const provider = new Provider(`https://127.0.0.1:${port}`, {
  jwks,
  clients: [
    {
      client_id: 'partner-app',
      client_secret: 'known to this test only',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: jwks.keys[0].alg, // never used, but must be one that there is a key for
    },
  ],
  scopes: ['read-crm', 'write-crm'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      // urn:crm:ES256 asks for a token for the CRM, signed with ES256.
      getResourceServerInfo: (context, resource) => ({
        scope: 'read-crm write-crm',
        audience: 'crm',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: resource.split(':').pop() } },
      }),
    },
  },
});

createServer({ cert: certificate, key }, provider.callback()).listen(port, '127.0.0.1');
