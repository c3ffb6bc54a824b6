//! `serve`: the database, its seeds, its keys, the server.

use super::Failure;

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Failed("not built yet".into()))
}
