// A client on a TypeScript SDK that authorizes itself, lists the tools and calls them all: authorizes_ts.mjs 1|2 URL
// It takes an id that the official suite's contract gives it, and follows the authorization URL itself.

const [version, address] = process.argv.slice(2);
const REDIRECT = "http://localhost:3030/callback";
const told = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");

async function sdk1() {
  const base = "@modelcontextprotocol/sdk/client";
  const { Client } = await import(`${base}/index.js`);
  const { StreamableHTTPClientTransport } = await import(`${base}/streamableHttp.js`);
  return { Client, StreamableHTTPClientTransport, options: {} };
}

async function sdk2() {
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  return { Client, StreamableHTTPClientTransport, options: { versionNegotiation: { mode: "auto" } } };
}

const { Client, StreamableHTTPClientTransport, options } = await (version === "1" ? sdk1() : sdk2());

// A user whose browser goes where it is sent, and what the client remembers.

const { client_id, client_secret, issuer } = told;
const kept = { client: client_id && { client_id, client_secret, issuer } };
let answer;

const provider = {
  redirectUrl: REDIRECT,
  clientMetadata: { client_name: "stranger", redirect_uris: [REDIRECT] },
  clientMetadataUrl: "https://stranger.invalid/client.json",
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  async redirectToAuthorization(url) {
    const response = await fetch(url, { redirect: "manual" });
    const brought = new URL(response.headers.get("location")).searchParams;
    // The SDK leaves the state to whoever sends the user away.
    if (brought.get("state") !== kept.state) throw new Error("the response has another state");
    answer = brought;
  },
};

// Each time that the user was sent away, the client begins again with the code that came back.

async function withUser(act) {
  for (let attempt = 0; ; attempt++) {
    const transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
    const client = new Client({ name: "stranger", version }, options);
    answer = undefined;
    try {
      await client.connect(transport);
      return await act(client);
    } catch (error) {
      if (answer === undefined || attempt === 3) throw error;
      await transport.finishAuth(version === "1" ? answer.get("code") : answer);
    } finally {
      await client.close();
    }
  }
}

const { tools } = await withUser((client) => client.listTools());
for (const { name } of tools) await withUser((client) => client.callTool({ name, arguments: {} }));
