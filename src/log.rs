//! The messages of a running server, on stderr, as text or as JSON Lines.
//!
//! Only internal errors are logged, with the id of their request. Requests are not, so that no token and no query gets
//! into the log.

use std::io;

use tracing::Level;

/// The format of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text, for people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// Starts the log. A second call in the same process changes nothing.
pub fn start(format: Format) {
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(Level::INFO)
        .with_target(false);
    // Fails if a log was started before, as when a test starts several servers in one process.
    let _ = match format {
        Format::Text => log.try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
}
