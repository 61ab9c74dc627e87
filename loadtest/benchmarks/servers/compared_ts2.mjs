// One echo tool on the TypeScript SDK 2.x: compared_ts2.mjs stdio | stateless-json|stateless-sse|session-json|session-sse PORT
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { z } from "zod";
import { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

function compared() {
  const server = new McpServer({ name: "compared", version: "1.0.0" });
  const inputSchema = z.object({ text: z.string() });
  server.registerTool("echo", { inputSchema }, async ({ text }) => ({ content: [{ type: "text", text }] }));
  return server;
}

function sessions(enableJsonResponse) {
  const open = new Map();
  return async (request, response) => {
    let transport = open.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse,
        onsessioninitialized: (id) => open.set(id, transport),
      });
      transport.onclose = () => open.delete(transport.sessionId);
      await compared().connect(transport);
    }
    await transport.handleRequest(request, response);
  };
}

const [mode, port] = process.argv.slice(2);
if (mode === "stdio") {
  serveStdio(compared);
} else {
  const [kept, replies] = mode.split("-");
  const handle = kept === "session" ? sessions(replies === "json") : toNodeHandler(createMcpHandler(compared, { responseMode: replies }));
  const hosts = localhostHostValidation();
  const origins = localhostOriginValidation();
  createServer((request, response) => {
    if (hosts(request, response) && origins(request, response)) handle(request, response);
  }).listen(Number(port), "127.0.0.1");
}
