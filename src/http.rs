//! HTTP: the routes, their handlers, and what every request and response passes through.
//!
//! [`Router`] takes a request from the server, normalizes its path, applies fault rules, and passes it to the handler
//! that `routes.rs` names for it.

mod admin;
mod apps;
mod builds;
mod change;
pub mod client;
mod collections;
mod compression;
mod download;
mod droplets;
mod empty;
mod environment;
mod features;
mod forwarded;
mod info;
mod isolation_segments;
mod jobs;
mod login;
mod metrics;
mod multipart;
mod observe;
mod packages;
mod processes;
mod quotas;
mod redact;
mod request;
mod respond;
mod response;
mod roles;
mod router;
mod routes;
mod ui;
mod unread_body;
mod upload;
mod users;

pub use request::Request;
pub use response::{CLOSE, Response};
pub use router::{Answer, DropConnection, Router, UnreadBody};
