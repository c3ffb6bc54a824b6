//! A Cloud Foundry packages API in one binary over one SQLite file.
//!
//! ```text
//! request ── auth ──▶ Caller ─────────┬──────────────┐
//!       └── query or body ── edition ──▶ ListRequest │ typed change
//!                                     │              │
//!                                  listing        changes
//!                                     │              │
//!                                     ▼              ▼
//!                                  records ⇄ store (one SQLite file)
//!                                     │
//!                                edition presents ──▶ bytes
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`cli`] | the command line: one command per file |
//! | [`record`] | seeds from the answers of a real Cloud Controller |
//! | `testing` | a server inside a test (feature `testing`) |
//! | [`server`] | the accept loop: limits, time-outs, shutdown |
//! | [`http`] | every route, its handler, and what each request and response passes through |
//! | [`service`] | what the handlers of one server share, and the options that the flags of `serve` set |
//! | [`ephemeral`] | databases that are removed at exit |
//! | [`auth`] | keys, signature algorithms, tokens, logins: who the caller is, what they may read and write |
//! | [`edition`] | one version of the API: how it parses requests and presents records and errors |
//! | [`changes`] | what a request can change: create, copy, update, delete, stage; each in one transaction |
//! | [`listing`] | list requests, visibility, the page query, the list cache, the response cache |
//! | [`error`] | every error of the API: status, code, title and text; an edition only formats it |
//! | [`seed`] | seed files: parsed, checked, applied in one transaction, generated, exported |
//! | [`blobs`] | the stored files of packages: checked, put, read; always in pieces |
//! | [`bundle`] | executables that carry a database |
//! | [`statistics`] | what a database holds, counted over one snapshot |
//! | [`records`] | one file per table: its columns, filters and statements; inserts and updates |
//! | [`store`] | the SQLite file, or the database of a PostgreSQL server: snapshots, transactions, migrations (with `schema.sql`), data versions |
//! | [`caller`] [`clock`] [`duration`] [`error_text`] [`json_object`] [`labels`] [`log`] [`private_file`] [`signals`] | small modules that all others may use |
//!
//! A module imports only modules further down this table. `docs/architecture.md` says what a change touches.

#[cfg(not(unix))]
compile_error!(
    "cf-packages runs on Linux and macOS; Windows is not supported: use WSL or a container"
);

pub mod auth;
pub mod blobs;
pub mod bundle;
pub mod caller;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod duration;
pub mod edition;
pub mod ephemeral;
pub mod error;
pub mod error_text;
pub mod http;
pub mod json_object;
pub mod labels;
pub mod listing;
pub mod log;
pub mod private_file;
pub mod record;
pub mod records;
pub mod seed;
pub mod server;
pub mod service;
pub mod signals;
pub mod statistics;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
