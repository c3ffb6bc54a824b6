//! A Cloud Foundry packages API in one binary over one SQLite file.
//!
//! The way of the data, which is also the order of the rooms:
//!
//! ```text
//! request ── auth ──▶ Caller ┐
//!    └── query ── edition ──▶ ListRequest ──▶ listing ──▶ SQL on one SQLite file ──▶ rows ── edition ──▶ bytes
//!                (or the API's error)          (total, page)                       (presenter)
//! ```
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`cli`] | the command line, one verb a file |
//! | [`server`] | the accept loop: limits, time-outs, stopping |
//! | [`http`] | every route there is, and its handler |
//! | [`auth`] | Authorization header → who asks; tokens made |
//! | [`edition`] | what one edition of the API says: its requests, its documents, its errors |
//! | [`listing`] | ListRequest + Caller → total and page; what is remembered of both |
//! | [`resource`] | what there is to list: a table, its columns, its filters, who may see it |
//! | [`store`] | the SQLite file: told, made, opened; readers and the one writer |
//! | [`seed`] | the other way in: a file, checked, applied in one transaction; and out again |
//! | [`ephemeral`] | databases that are gone at exit |
//! | `testing` | a server in the process of a test (a feature) |
//! | [`caller`] [`clock`] [`error`] [`log`] [`duration`] [`private_file`] | under all of them |
//!
//! Imports run one way: `cli → server → http → {auth, edition} → listing → resource → store`, and
//! `seed → store`. `tests/it/layers.rs` holds this.

pub mod cli;

pub mod server;

pub mod service;

pub mod http;

pub mod auth;
pub mod edition;

pub mod listing;

pub mod records;

pub mod store;

pub mod seed;

pub mod ephemeral;

#[cfg(feature = "testing")]
pub mod testing;

pub mod caller;
pub mod clock;
pub mod duration;
pub mod error;
pub mod error_text;
pub mod json_object;
pub mod labels;
pub mod log;
pub mod private_file;
