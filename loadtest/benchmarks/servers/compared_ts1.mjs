// One echo tool on the TypeScript SDK 1.x: compared_ts1.mjs stdio | session-json PORT | session-sse PORT
import { randomUUID } from "node:crypto";
import express from "express";
import { z } from "zod";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

function compared() {
  const server = new McpServer({ name: "compared", version: "1.0.0" });
  const inputSchema = { text: z.string() };
  server.registerTool("echo", { inputSchema }, async ({ text }) => ({ content: [{ type: "text", text }] }));
  return server;
}

const [mode, port] = process.argv.slice(2);
if (mode === "stdio") {
  await compared().connect(new StdioServerTransport());
} else {
  const open = new Map();
  const app = express();
  app.use(express.json());
  app.all("/mcp", async (request, response) => {
    let transport = open.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: mode === "session-json",
        onsessioninitialized: (id) => open.set(id, transport),
      });
      transport.onclose = () => open.delete(transport.sessionId);
      await compared().connect(transport);
    }
    await transport.handleRequest(request, response, request.body);
  });
  app.listen(Number(port), "127.0.0.1");
}
