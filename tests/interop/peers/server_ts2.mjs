// A server on the TypeScript SDK 2.x: server_ts2.mjs stdio|http. Over HTTP it prints its URL.
import { createServer } from "node:http";
import { createMcpHandler, inputRequired, inputResponse, McpServer, completable } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";

const NAMES = ["Ada", "Alan", "Grace"];
const PERSON = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const QUESTION = { messages: [{ role: "user", content: { type: "text", text: "What now?" } }], maxTokens: 10 };

let leave;
const gone = new Promise((resolve) => (leave = resolve));
let handler = null; // over HTTP, news go to everybody who listens, whoever served the request

const say = (text) => ({ content: [{ type: "text", text }] });
const progress = (ctx, step, total, message) =>
  ctx.mcpReq.notify({
    method: "notifications/progress",
    params: { progressToken: ctx.mcpReq._meta?.progressToken, progress: step, total, message },
  });

function make() {
  const server = new McpServer(
    { name: "stranger", version: "2" },
    { capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } } },
  );
  const tool = (name, shape, run, more = {}) =>
    server.registerTool(name, { description: `Do ${name}`, inputSchema: z.object(shape), ...more }, run);

  const output = { outputSchema: z.object({ sum: z.number() }) };
  tool("add", { a: z.number(), b: z.number() }, async ({ a, b }) => {
    const sum = a + b;
    return { ...say(JSON.stringify({ sum })), structuredContent: { sum } };
  }, output);
  tool("fail", { message: z.string() }, async ({ message }) => {
    throw new Error(message);
  });
  tool("steps", {}, async (_, ctx) => {
    for (const step of [1, 2, 3]) await progress(ctx, step, 3, `step ${step}`);
    return say("three steps");
  });
  tool("wait", {}, async (_, ctx) => {
    await progress(ctx, 0);
    await new Promise((resolve) => ctx.mcpReq.signal.addEventListener("abort", resolve));
    leave();
    return say("cancelled");
  });
  tool("waited", {}, async () => {
    await gone;
    return say("it is gone");
  });
  tool("log", {}, async (_, ctx) => {
    await ctx.mcpReq.log("info", "a word");
    return say("info");
  });
  const ask = (name, request, read) =>
    tool(name, {}, async (_, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, "answer");
      return answer.kind === "missing" ? inputRequired({ inputRequests: { answer: request } }) : say(read(answer));
    });
  ask("ask", inputRequired.elicit({ message: "Your name?", requestedSchema: PERSON }), (a) => `Hello, ${a.content.name}`);
  ask("sample", inputRequired.createMessage(QUESTION), (answer) => answer.result.content.text);
  ask("roots", inputRequired.listRoots(), (answer) => answer.roots.map((root) => root.uri).join(" "));
  tool("touch", { uri: z.string() }, async ({ uri }) => {
    await (handler ? handler.notify.resourceUpdated(uri) : server.server.sendResourceUpdated({ uri }));
    return say(uri);
  });
  tool("grow", {}, async () => {
    await (handler ? handler.notify.toolsChanged() : server.server.sendToolListChanged());
    return say("announced");
  });

  const resource = (name, uri, mimeType, content) =>
    server.registerResource(name, uri, { mimeType }, async () => ({ contents: [{ uri, mimeType, ...content }] }));
  resource("text", "note://text", "text/plain", { text: "a note" });
  resource("bytes", "note://bytes", "application/octet-stream", { blob: "AAEC/w==" });
  server.registerPrompt(
    "greet",
    { argsSchema: z.object({ name: completable(z.string(), (typed) => NAMES.filter((name) => name.startsWith(typed))) }) },
    ({ name }) => ({ messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }] }),
  );
  return server;
}

if (process.argv[2] === "stdio") {
  serveStdio(make);
} else {
  handler = createMcpHandler(make);
  const server = createServer(toNodeHandler(handler));
  server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}/mcp\n`));
}
