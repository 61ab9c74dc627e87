"""The sample database: a small bookshop, the same at every start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["write_sample"]

_TABLES = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    city TEXT,
    created_at TEXT NOT NULL,
    updated TEXT,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE books (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    price REAL NOT NULL CHECK (price >= 0),
    stock INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated TEXT
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'sent')),
    created_at TEXT NOT NULL,
    updated TEXT
);
CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    book_id INTEGER NOT NULL REFERENCES books (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    price REAL NOT NULL,
    PRIMARY KEY (order_id, book_id)
);
CREATE INDEX orders_by_customer ON orders (customer_id, created_at);
CREATE VIEW order_totals AS
    SELECT orders.id AS order_id, customers.name AS customer, orders.status,
           round(sum(order_items.quantity * order_items.price), 2) AS total
    FROM orders JOIN customers ON customers.id = orders.customer_id JOIN order_items ON order_items.order_id = orders.id
    GROUP BY orders.id;
"""
_CUSTOMERS = (
    ("Ada Byron", "ada@example.com", "London"),
    ("Grace Murray", "grace@example.com", "New York"),
    ("Alan Stone", "alan@example.com", None),
    ("Emmy Klein", "emmy@example.com", "Göttingen"),
    ("Katherine Cole", "katherine@example.com", "Hampton"),
)
_BOOKS = (
    ("The Patient Compiler", "G. Murray", 39.5, 12),
    ("Rings and Ideals", "E. Klein", 54.0, 3),
    ("Notes on an Engine", "A. Byron", 24.9, 0),
    ("Orbits by Hand", "K. Cole", 31.25, 7),
    ("Decidable, Mostly", "A. Stone", 28.0, 20),
    ("A Short History of Zero", "B. Gupta", 17.8, 41),
)
_STATUS = ("sent", "paid", "open")
_ORDERS = 12


def write_sample(path: Path) -> None:
    """Write the sample database to a new file."""
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_TABLES)
        connection.executemany(
            "INSERT INTO customers (name, email, city, created_at) VALUES (?, ?, ?, ?)",
            [(*customer, f"2026-01-{day:02}T09:00:00Z") for day, customer in enumerate(_CUSTOMERS, 1)],
        )
        connection.executemany(
            "INSERT INTO books (title, author, price, stock, created_at) VALUES (?, ?, ?, ?, ?)",
            [(*book, f"2026-01-{day:02}T08:00:00Z") for day, book in enumerate(_BOOKS, 10)],
        )
        for order in range(1, _ORDERS + 1):
            _write_order(connection, order)
        connection.commit()
    finally:
        connection.close()


def _write_order(connection: sqlite3.Connection, order: int) -> None:
    """Two books an order, chosen by its number."""
    row = (order, order % len(_CUSTOMERS) + 1, _STATUS[order % 3], f"2026-02-{order:02}T12:00:00Z")
    connection.execute("INSERT INTO orders (id, customer_id, status, created_at) VALUES (?, ?, ?, ?)", row)
    for place, quantity in ((order % len(_BOOKS), 1), ((order + 2) % len(_BOOKS), order % 3 + 1)):
        item = (order, place + 1, quantity, _BOOKS[place][2])
        connection.execute("INSERT INTO order_items VALUES (?, ?, ?, ?)", item)
