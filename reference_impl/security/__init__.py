"""What keeps a conversation from others: TLS and mutual TLS (`tls`), keys for sealed messages (`sealing`)."""
