// A client on a TypeScript SDK that can be asked: able_ts.mjs 1|2 http URL | stdio COMMAND...

const [version, kind, ...target] = process.argv.slice(2);
const base = version === "1" ? "@modelcontextprotocol/sdk" : "@modelcontextprotocol/client";
const main = version === "1" ? await import(`${base}/client/index.js`) : await import(base);
const streams = await import(version === "1" ? `${base}/client/stdio.js` : `${base}/stdio`);
const http = version === "1" ? await import(`${base}/client/streamableHttp.js`) : main;
const types = version === "1" ? await import(`${base}/types.js`) : undefined;
const schemas = {
  "elicitation/create": types?.ElicitRequestSchema,
  "sampling/createMessage": types?.CreateMessageRequestSchema,
  "roots/list": types?.ListRootsRequestSchema,
};
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
const options = version === "1" ? { capabilities } : { capabilities, versionNegotiation: { mode: "auto" } };
const client = new main.Client({ name: "able", version: "1" }, options);
const answer = (method, handler) => client.setRequestHandler(version === "1" ? schemas[method] : method, handler);

const values = { string: "x", integer: 1, number: 2.5, boolean: true };
const fill = (schema) =>
  Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, part.default ?? values[part.type]]));
answer("elicitation/create", async ({ params }) =>
  params.mode === "url" ? { action: "decline" } : { action: "accept", content: fill(params.requestedSchema) },
);
const text = { type: "text", text: "forty-two" };
answer("sampling/createMessage", async () => ({ role: "assistant", model: "abacus", content: text }));
answer("roots/list", async () => ({ roots: [{ uri: "file:///home/ada" }] }));

const transport =
  kind === "stdio"
    ? new streams.StdioClientTransport({ command: target[0], args: target.slice(1) })
    : new http.StreamableHTTPClientTransport(new URL(target[0]));
await client.connect(transport);
for (const { name } of (await client.listTools()).tools) {
  await client.callTool({ name, arguments: name === "add_numbers" ? { a: 1, b: 2 } : {} });
}
await transport.terminateSession?.();
await client.close();
