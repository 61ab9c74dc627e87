"""What keeps a conversation from others, and operations from those who may not do them: TLS and mutual TLS (`tls`),
keys for sealed messages (`sealing`), permissions with consent (`permissions`), and the audit log (`audit`)."""
