//! Messages of a running server, on stderr, as text or as JSON lines.
//!
//! A request is not logged, so that neither a token nor a query ever is; a request that fails by our own fault is.

use std::io;

use tracing::Level;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// Writes messages in that format from now on. A second call changes nothing.
pub fn start(format: Format) {
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(Level::INFO)
        .with_target(false);
    // An error: there is a log already, as when tests start several servers in one process.
    let _ = match format {
        Format::Text => log.try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
}
