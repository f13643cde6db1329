CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stock (
    sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL, changed_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS movements (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, kind TEXT NOT NULL, quantity INTEGER NOT NULL,
    reference TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reservations (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL, holder TEXT NOT NULL,
    state TEXT NOT NULL, expires_at TEXT, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS reservations_holder ON reservations (holder);
CREATE INDEX IF NOT EXISTS reservations_live ON reservations (sku, state, quantity);
CREATE INDEX IF NOT EXISTS reservations_expiry ON reservations (expires_at) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS materials (
    sku TEXT PRIMARY KEY, marked INTEGER NOT NULL, on_sale INTEGER NOT NULL, name TEXT);
CREATE TABLE IF NOT EXISTS rates (
    store TEXT NOT NULL, base TEXT NOT NULL, currency TEXT NOT NULL, date TEXT NOT NULL, rate TEXT NOT NULL,
    source TEXT NOT NULL, fetched_at TEXT NOT NULL, PRIMARY KEY (store, base, currency, date));
CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, version TEXT NOT NULL, until TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS customers (
    id TEXT PRIMARY KEY, email_key TEXT NOT NULL UNIQUE, email TEXT NOT NULL, name TEXT NOT NULL, password TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE, erp_partner TEXT, created_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS carts (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, currency TEXT NOT NULL, updated_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checkouts (
    id TEXT PRIMARY KEY, cart_id TEXT NOT NULL, status TEXT NOT NULL, order_id TEXT NOT NULL UNIQUE, number TEXT NOT NULL UNIQUE,
    intent TEXT, due_at TEXT, created_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS checkouts_cart ON checkouts (cart_id);
CREATE INDEX IF NOT EXISTS checkouts_due ON checkouts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS checkouts_intent ON checkouts (intent);
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, checkout_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
    payment_status TEXT NOT NULL, currency TEXT NOT NULL, total TEXT NOT NULL, email_key TEXT NOT NULL, customer_id TEXT,
    access_hash TEXT NOT NULL, hold TEXT, placed_at TEXT NOT NULL, updated_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_placed ON orders (placed_at);
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer_id);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, at TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, cause TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_order ON history (order_id);
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, checkout_id TEXT NOT NULL, gateway TEXT NOT NULL, reference TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, status TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL, captured TEXT NOT NULL,
    refunded TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS payments_order ON payments (order_id);
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, payment_id TEXT NOT NULL, key TEXT NOT NULL UNIQUE, reference TEXT,
    status TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,
    due_at TEXT, attempts INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refunds_order ON refunds (order_id);
CREATE INDEX IF NOT EXISTS refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS returns (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS returns_order ON returns (order_id);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, order_id TEXT NOT NULL, part TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, due_at TEXT, reference TEXT, error TEXT,
    created_at TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, order_id, part));
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, due_at);
CREATE INDEX IF NOT EXISTS outbox_order ON outbox (order_id);
CREATE TABLE IF NOT EXISTS erp_documents (
    kind TEXT NOT NULL, number TEXT NOT NULL, order_id TEXT NOT NULL, part TEXT NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (kind, number));
CREATE INDEX IF NOT EXISTS erp_documents_order ON erp_documents (order_id);
CREATE INDEX IF NOT EXISTS erp_documents_status ON erp_documents (kind, status);
CREATE TABLE IF NOT EXISTS shipments (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, delivery TEXT NOT NULL, parcel INTEGER NOT NULL, state TEXT NOT NULL,
    carrier TEXT NOT NULL, tracking TEXT, label_id TEXT, status TEXT NOT NULL, due_at TEXT, attempts INTEGER NOT NULL DEFAULT 0,
    alerted INTEGER NOT NULL DEFAULT 0, polled_at TEXT, error TEXT, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS shipments_order ON shipments (order_id);
CREATE INDEX IF NOT EXISTS shipments_tracking ON shipments (tracking);
CREATE INDEX IF NOT EXISTS shipments_state ON shipments (state, due_at);
CREATE TABLE IF NOT EXISTS labels (id TEXT PRIMARY KEY, shipment_id TEXT NOT NULL, format TEXT NOT NULL, image BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL UNIQUE, recipient TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_order ON messages (order_id);
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS coupons (code TEXT PRIMARY KEY, uses INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS coupon_uses (
    checkout_id TEXT PRIMARY KEY, code TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gift_cards (code TEXT PRIMARY KEY, currency TEXT NOT NULL, balance TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attempts (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_key ON attempts (key, at);
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY, next_at TEXT NOT NULL, last_at TEXT, cursor TEXT, error TEXT);
CREATE TABLE IF NOT EXISTS settled (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, document TEXT, error TEXT, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS statement_lines (
    ref TEXT PRIMARY KEY, currency TEXT NOT NULL, amount TEXT NOT NULL, booked_on TEXT NOT NULL, text TEXT NOT NULL,
    imported_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS credits (
    email_key TEXT NOT NULL, currency TEXT NOT NULL, balance TEXT NOT NULL, PRIMARY KEY (email_key, currency));
CREATE TABLE IF NOT EXISTS credit_movements (
    id INTEGER PRIMARY KEY, email_key TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL, holder TEXT NOT NULL,
    reason TEXT NOT NULL, at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS credit_movements_holder ON credit_movements (holder);
CREATE TABLE IF NOT EXISTS analytics (
    id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, name TEXT NOT NULL, amount TEXT NOT NULL, currency TEXT NOT NULL,
    at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS analytics_order ON analytics (order_id);
