"""Tasks on the server's side: calls of tools that outlive their request, in both eras' ways.

A tool says `taskSupport="optional"` or `"required"`; its handler stays the same function. At 2025-11-25 the client asks
for a task, from 2026-07-28 on the server makes one of each call by a client that declared the extension.
"""

from reference_impl.server.tasks.manager import TaskManager
from reference_impl.server.tasks.options import TaskOptions
from reference_impl.server.tasks.store import MemoryTaskStore, TaskStore

__all__ = ["MemoryTaskStore", "TaskManager", "TaskOptions", "TaskStore"]
