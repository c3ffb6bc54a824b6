//! The behaviour of cf-packages as its users see it. Each module specifies one part.

// A helper may panic like the test that calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin_api;
mod authorization;
mod cache_consistency;
mod caches;
mod command_line;
mod connections;
mod damaged_values;
mod exporting;
mod fixtures;
mod full_disk;
mod http_edge;
mod listing_2015;
mod listing_model;
mod migrating;
mod module_layers;
mod openapi;
mod opening_files;
mod page_cost;
mod pagination_2015;
mod reads;
mod real_clients;
mod rollback_journals;
mod seeding;
mod served_file;
mod side_files;
mod source_text;
mod stopping;
mod support;
mod tokens;
mod visibility_2015;
mod web_pages;
