// A client on a TypeScript SDK: client_ts.mjs 1|2 stdio COMMAND... | http|sse|ws URL
// It asks for what report.py and its clients ask for, and writes it down in the same form.

const [version, kind, ...target] = process.argv.slice(2);
const PATIENCE = 20_000;
const WATCHED = "test://watched-resource";
const LOG_LEVEL = "io.modelcontextprotocol/logLevel";

// The two SDKs differ in where things are, and in how a handler names its method.

async function sdk1() {
  const base = "@modelcontextprotocol/sdk";
  const { Client } = await import(`${base}/client/index.js`);
  const types = await import(`${base}/types.js`);
  const schemas = {
    "elicitation/create": types.ElicitRequestSchema,
    "sampling/createMessage": types.CreateMessageRequestSchema,
    "roots/list": types.ListRootsRequestSchema,
    "notifications/message": types.LoggingMessageNotificationSchema,
    "notifications/resources/updated": types.ResourceUpdatedNotificationSchema,
    "notifications/tools/list_changed": types.ToolListChangedNotificationSchema,
  };
  const transports = {
    stdio: async () => new (await import(`${base}/client/stdio.js`)).StdioClientTransport(command()),
    http: async () => new (await import(`${base}/client/streamableHttp.js`)).StreamableHTTPClientTransport(url()),
    sse: async () => new (await import(`${base}/client/sse.js`)).SSEClientTransport(url()),
    ws: async () => new (await import(`${base}/client/websocket.js`)).WebSocketClientTransport(url()),
  };
  const call = (client, params, options) => client.callTool(params, undefined, options);
  return { Client, transports, named: (method) => schemas[method], call, options: {} };
}

async function sdk2() {
  const base = "@modelcontextprotocol/client";
  const { Client, StreamableHTTPClientTransport, SSEClientTransport } = await import(base);
  const transports = {
    stdio: async () => new (await import(`${base}/stdio`)).StdioClientTransport(command()),
    http: async () => new StreamableHTTPClientTransport(url()),
    sse: async () => new SSEClientTransport(url()),
  };
  const call = (client, params, options) => client.callTool(params, options);
  const options = { versionNegotiation: { mode: kind === "sse" ? "legacy" : "auto" } };
  return { Client, transports, named: (method) => method, call, options };
}

const command = () => ({ command: target[0], args: target.slice(1), stderr: "inherit" });
const url = () => new URL(target[0]);
const { Client, transports, named, call, options } = await (version === "1" ? sdk1() : sdk2());

const client = new Client(
  { name: "stranger", version },
  { capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } }, ...options },
);

// What the server asks, and what it tells.

const heard = [];
let wake = () => {};

function hear(name, value = null) {
  heard.push([name, value]);
  wake();
}

async function hearing(name) {
  for (;;) {
    const index = heard.findIndex(([other]) => other === name);
    if (index >= 0) return heard.splice(index, 1)[0][1];
    await new Promise((resolve) => (wake = resolve));
  }
}

const answer = (method, handler) => client.setRequestHandler(named(method), handler);
const listen = (method, handler) => client.setNotificationHandler(named(method), handler);
answer("elicitation/create", async () => ({ action: "accept", content: { name: "Ada" } }));
answer("sampling/createMessage", async () => ({
  role: "assistant",
  model: "abacus",
  content: { type: "text", text: "forty-two" },
}));
answer("roots/list", async () => ({ roots: [{ uri: "file:///home/ada" }] }));
listen("notifications/message", ({ params }) => hear("log", params.level));
listen("notifications/resources/updated", ({ params }) => hear("updated", params.uri));
listen("notifications/tools/list_changed", () => hear("changed"));

// The features.

let revision;
const modern = () => revision !== null && revision >= "2026";

async function pages(list, member) {
  let page = await client[list]({});
  let found = page[member];
  while (page.nextCursor) {
    page = await client[list]({ cursor: page.nextCursor });
    found = found.concat(page[member]);
  }
  return found;
}

const names = (found, key) => found.map((entry) => entry[key]).sort();
const tool = (name, args = {}, more = {}, options) => call(client, { name, arguments: args, ...more }, options);
const text = async (...more) => (await tool(...more)).content[0].text;

async function watching(filter, act, name) {
  if (!modern()) {
    await act();
    return hearing(name);
  }
  const subscription = await client.listen(filter);
  await act();
  const value = await hearing(name);
  await subscription.close();
  return value;
}

const features = {
  revision: async () => revision,
  server: async () => [client.getServerVersion().name, Boolean(client.getInstructions())],
  tools: async () => names(await pages("listTools", "tools"), "name"),
  prompts: async () => names(await pages("listPrompts", "prompts"), "name"),
  resources: async () => names(await pages("listResources", "resources"), "uri"),
  templates: async () => names(await pages("listResourceTemplates", "resourceTemplates"), "uriTemplate"),
  echo: () => text("echo", { text: "caf\u00e9 \u{1f600}" }),
  routed: () => text("route", { region: "d\u00fcsseldorf", shard: 3, dry: true }),
  structured: async () => (await tool("add", { a: 1, b: 2 })).structuredContent,
  error: async () => {
    const result = await tool("fail", { message: "no luck" });
    return [result.isError, result.content[0].text];
  },
  refused: async () => (await tool("add", { a: "one", b: 2 })).isError,
  kinds: async () => (await tool("test_multiple_content_types")).content.map((block) => block.type),
  progress: async () => {
    const steps = [];
    const onprogress = ({ progress, total }) => steps.push([progress, total]);
    await text("slow", { seconds: 0.03, steps: 3 }, {}, { onprogress });
    return steps;
  },
  cancelled: async () => {
    const abort = new AbortController();
    const options = { signal: abort.signal, onprogress: () => abort.abort("enough") };
    await tool("slow", { seconds: 20, steps: 100 }, {}, options).catch(() => {});
    return text("echo", { text: "still here" });
  },
  log: async () => {
    if (!modern()) await client.setLoggingLevel("warning");
    const meta = modern() ? { _meta: { [LOG_LEVEL]: "warning" } } : {};
    await text("log", { level: "info", count: 1 }, meta);
    await text("log", { level: "error", count: 2 }, meta);
    return [await hearing("log"), await hearing("log")];
  },
  text: async () => (await client.readResource({ uri: "test://static-text" })).contents[0].text,
  blob: async () => Boolean((await client.readResource({ uri: "test://static-binary" })).contents[0].blob),
  template: async () => (await client.readResource({ uri: "test://square/12" })).contents[0].text,
  missing: () => client.readResource({ uri: "test://nowhere" }).then(
    () => "nothing was missing",
    (error) => error.code,
  ),
  prompt: async () => {
    const found = await client.getPrompt({ name: "review", arguments: { code: "pass", language: "python" } });
    return found.messages[0].content.text.split("\n")[0];
  },
  completion: async () => {
    const ref = { type: "ref/prompt", name: "review" };
    return (await client.complete({ ref, argument: { name: "language", value: "java" } })).completion.values;
  },
  ask: () => text("ask"),
  sample: () => text("sample"),
  roots: () => text("roots"),
  rounds: () => text("test_input_required_result_multiple_inputs"),
  updated: async () => {
    if (!modern()) await client.subscribeResource({ uri: WATCHED });
    return watching({ resourceSubscriptions: [WATCHED] }, () => text("touch_resource", { uri: WATCHED }), "updated");
  },
  changed: async () => {
    for (const _ of [1, 2]) await watching({ toolsListChanged: true }, () => text("toggle_extra_tool"), "changed");
    return true;
  },
  ping: async () => {
    if (modern()) return null;
    await client.ping();
    return true;
  },
};

function patiently(work) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("too late")), PATIENCE)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const transport = await transports[kind]();
await patiently(client.connect(transport));
revision = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion ?? null; // 1.x tells over HTTP alone
const seen = {};
for (const [name, feature] of Object.entries(features)) {
  seen[name] = await patiently(feature()).catch((error) => `raised ${error}`);
}
await client.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
