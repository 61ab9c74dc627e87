// A server on the TypeScript SDK 1.x that takes the tokens of an issuer elsewhere: trusting_ts1.mjs ISSUER.
// It prints its URL.
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const issuer = process.argv[2];
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
const app = express();
const listener = app.listen(0, "127.0.0.1", () => {
  const resource = new URL(`http://127.0.0.1:${listener.address().port}/mcp`);
  const verifier = {
    async verifyAccessToken(token) {
      try {
        const { payload } = await jwtVerify(token, keys, { issuer, audience: resource.href });
        const { client_id: clientId, scope, exp: expiresAt, aud } = payload;
        return { token, clientId, scopes: scope.split(" "), expiresAt, resource: new URL(aud) };
      } catch (error) {
        throw new InvalidTokenError(error.message);
      }
    },
  };
  const oauthMetadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ["code"],
  };
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: resource, scopesSupported: ["mcp"] }));
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
  app.use(express.json({ limit: "10mb" }), requireBearerAuth({ verifier, requiredScopes: ["mcp"], resourceMetadataUrl }));
  app.post("/mcp", async (request, response) => {
    const server = new McpServer({ name: "trusting", version: "1" });
    server.registerTool("who", { description: "Say who" }, async () => ({ content: [{ type: "text", text: "in" }] }));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => transport.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  process.stdout.write(`${resource.href}\n`);
});
