// A plain client on a TypeScript SDK: look_ts.mjs 1|2 http URL | stdio COMMAND... Lists, calls, ends its session.

const [version, kind, ...target] = process.argv.slice(2);
const base = version === "1" ? "@modelcontextprotocol/sdk/client" : "@modelcontextprotocol/client";
const main = version === "1" ? await import(`${base}/index.js`) : await import(base);
const streams = version === "1" ? await import(`${base}/stdio.js`) : await import(`${base}/stdio`);
const http = version === "1" ? await import(`${base}/streamableHttp.js`) : main;
const options = version === "1" ? {} : { versionNegotiation: { mode: "auto" } };

const client = new main.Client({ name: "look", version: "1" }, options);
const transport =
  kind === "stdio"
    ? new streams.StdioClientTransport({ command: target[0], args: target.slice(1) })
    : new http.StreamableHTTPClientTransport(new URL(target[0]));
await client.connect(transport);
const samples = { number: 1, string: "x" };
const tools = [];
let cursor;
do {
  const page = await client.listTools(cursor === undefined ? undefined : { cursor });
  tools.push(...page.tools);
  cursor = page.nextCursor;
} while (cursor !== undefined);
for (const tool of new Map(tools.map((tool) => [tool.name, tool])).values()) {
  const properties = Object.entries(tool.inputSchema.properties ?? {});
  const values = properties.map(([name, part]) => [name, samples[part.type]]);
  await client.callTool({ name: tool.name, arguments: Object.fromEntries(values) });
}
const offered = client.getServerCapabilities() ?? {};
if (offered.resources) await client.readResource({ uri: (await client.listResources()).resources[0].uri });
if (offered.prompts) await client.getPrompt({ name: (await client.listPrompts()).prompts[0].name });
await transport.terminateSession?.();
await client.close();
