//! The behaviour of cf-packages as its users see it. Each module specifies one part.

// A helper may panic like the test that calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod added_resources;
mod admin_api;
mod authorization;
mod backup;
mod bundle;
mod cache_consistency;
mod caches;
mod changes;
mod command_line;
mod compression;
mod connections;
mod damaged_values;
mod demo;
mod downloads;
mod empty_routes;
mod engines;
mod exporting;
mod fixtures;
mod full_disk;
mod http_edge;
mod large_uploads;
mod listing_2015;
mod listing_model;
mod metrics;
mod migrating;
mod module_layers;
mod openapi;
mod opening_files;
mod page_cost;
mod pagination_2015;
mod parent_labels;
#[cfg(feature = "postgres")]
mod postgres;
mod processes;
mod proxies;
mod pruning;
mod published_file;
mod reads;
mod real_clients;
mod recording;
mod request_log;
mod request_records;
mod role_matrix;
mod rollback_journals;
mod saved_answers;
mod seed_faults;
mod seeded_bits;
mod seeding;
mod served_file;
mod side_files;
mod source_text;
mod stats;
mod stopping;
mod stopping_early;
mod support;
mod terminal;
mod tokens;
mod ui;
mod unix_sockets;
mod uploads;
mod users_and_roles;
mod visibility_2015;
mod web_pages;
