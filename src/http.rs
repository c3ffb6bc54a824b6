//! HTTP: the routes, their handlers, and what every request and response passes through.

mod admin;
mod collections;
mod info;
mod login;
mod packages;
mod request;
mod respond;
mod response;
mod router;
mod routes;

pub use request::Request;
pub use response::Response;
pub use router::Router;
