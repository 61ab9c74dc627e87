// A server on the TypeScript SDK 2.x that takes the tokens of an issuer elsewhere: trusting_ts2.mjs ISSUER.
// It prints its URL.
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  getOAuthProtectedResourceMetadataUrl,
  McpServer,
  OAuthError,
  OAuthErrorCode,
  oauthMetadataResponse,
  requireBearerAuth,
} from "@modelcontextprotocol/server";

const issuer = process.argv[2];
const decoded = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

async function verified(token, audience) {
  const [header, payload, signature] = token.split(".");
  const { keys } = await (await fetch(`${issuer}/jwks`)).json();
  const { alg, kid } = decoded(header);
  const key = createPublicKey({ key: keys.find((each) => each.kid === kid), format: "jwk" });
  const options = { key, dsaEncoding: "ieee-p1363" };
  const signed = verify("sha256", `${header}.${payload}`, options, Buffer.from(signature, "base64url"));
  const claims = decoded(payload);
  if (alg !== "ES256" || !signed || claims.iss !== issuer || claims.aud !== audience) throw new Error("not for us");
  return claims;
}

const listener = createServer((request, response) => serve(request, response));
let serve;
listener.listen(0, "127.0.0.1", () => {
  const resourceServerUrl = new URL(`http://127.0.0.1:${listener.address().port}/mcp`);
  const verifier = {
    async verifyAccessToken(token) {
      try {
        const claims = await verified(token, resourceServerUrl.href);
        return { token, clientId: claims.client_id, scopes: claims.scope.split(" "), expiresAt: claims.exp };
      } catch (error) {
        throw new OAuthError(OAuthErrorCode.InvalidToken, error.message);
      }
    },
  };
  const oauthMetadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ["code"],
  };
  const metadata = { oauthMetadata, resourceServerUrl, scopesSupported: ["mcp"] };
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resourceServerUrl);
  const gate = requireBearerAuth({ verifier, requiredScopes: ["mcp"], resourceMetadataUrl });
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "trusting", version: "2" });
    server.registerTool("who", { description: "Say who" }, async () => ({ content: [{ type: "text", text: "in" }] }));
    return server;
  });
  serve = toNodeHandler({
    async fetch(request, more) {
      const published = oauthMetadataResponse(request, metadata);
      if (published) return published;
      const auth = await gate(request);
      return auth instanceof Response ? auth : handler.fetch(request, { ...more, authInfo: auth });
    },
  });
  process.stdout.write(`${resourceServerUrl.href}\n`);
});
