//! What cf-packages does, as its users see it: each module is a part of the specification.

// What helps a test may panic as the test itself may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin_api;
mod authorization;
mod caches;
mod connections;
mod exporting;
mod fixtures;
mod http_edge;
mod layers;
mod listing_2015;
mod migrating;
mod model;
mod openapi;
mod opening_files;
mod paging;
mod replay;
mod seeding;
mod stopping;
mod support;
mod tokens;
mod visibility;
mod web_pages;
mod work;
mod writes;
