// A client on a TypeScript SDK that has to get its tokens: authorized_ts.mjs 1|2 URL [dpop]

const [version, address, proof] = process.argv.slice(2);
const REDIRECT = "http://127.0.0.1:3030/callback";

async function sdk1() {
  const base = "@modelcontextprotocol/sdk/client";
  const { Client } = await import(`${base}/index.js`);
  const { StreamableHTTPClientTransport } = await import(`${base}/streamableHttp.js`);
  return { Client, StreamableHTTPClientTransport, options: {} };
}

async function sdk2() {
  const { Client, StreamableHTTPClientTransport, DpopSession } = await import("@modelcontextprotocol/client");
  return { Client, StreamableHTTPClientTransport, DpopSession, options: { versionNegotiation: { mode: "auto" } } };
}

const { Client, StreamableHTTPClientTransport, DpopSession, options } = await (version === "1" ? sdk1() : sdk2());

// A user whose browser goes where it is sent, and what the client remembers.

const kept = {};
const asked = [];
let answer;

const provider = {
  redirectUrl: REDIRECT,
  clientMetadata: { client_name: "stranger", redirect_uris: [REDIRECT] },
  state: () => "a state",
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  async redirectToAuthorization(url) {
    asked.push(url.searchParams.get("scope") ?? "");
    const response = await fetch(url, { redirect: "manual" });
    answer = new URL(response.headers.get("location")).searchParams;
  },
};

if (proof === "dpop") {
  const session = await DpopSession.create();
  provider.dpop = () => session;
}

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

const said = [];
for (const name of ["who", "write", "who"]) {
  const result = await withUser((client) => client.callTool({ name, arguments: {} }));
  said.push(result.content[0].text);
}
console.log(JSON.stringify({ said, asked }));
