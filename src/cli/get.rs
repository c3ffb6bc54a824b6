//! `get`: prints the response that a server would give, without a server.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use super::CommandError;
use super::args::{ApiFlag, ClockFlag, DEFAULT_URL, DatabaseFlag, ExternalUrlFlag, NoAuthFlag};
use crate::caller::{Caller, Member};
use crate::edition::BaseUrl;
use crate::http::Router;
use crate::service::{Authentication, Service, ServiceOptions};
use crate::store::Store;

/// The arguments of `get`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Path and query, such as `/v3/packages?per_page=2`
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    database: DatabaseFlag,
    /// Send the request as this user; without `--user` and `--admin` it has no token
    #[arg(long, value_name = "GUID", conflicts_with = "admin")]
    user: Option<String>,
    /// Send the request as an admin
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    edition: ApiFlag,
    #[command(flatten)]
    hrefs: ExternalUrlFlag,
    #[command(flatten)]
    authentication: NoAuthFlag,
    #[command(flatten)]
    clock: ClockFlag,
}

/// Prints the body of the response, on a terminal with a newline at its end. Exit 0 if its status is 2xx, else 1.
pub fn run(args: Args) -> Result<(), CommandError> {
    if !args.target.starts_with('/') {
        return Err(CommandError::Usage(format!(
            "`{}` is not a path; give one such as `/v3/packages?per_page=2`",
            args.target
        )));
    }
    let edition = args.edition.api;
    let authentication = match args.user {
        _ if args.admin || args.authentication.no_auth => Authentication::As(Caller::Everything),
        Some(user) => Authentication::As(Caller::Member(Member {
            user,
            rules: edition.access_rules(),
        })),
        None => Authentication::RefuseAll,
    };
    let service = Service::new(
        Store::open_for_reading(args.database.path())?,
        ServiceOptions {
            authentication,
            clock: args.clock.clock(),
            edition,
            external_url: Some(
                args.hrefs
                    .external_url
                    .unwrap_or_else(|| BaseUrl(DEFAULT_URL.into())),
            ),
            ..ServiceOptions::default()
        },
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = Arc::new(service);
    let (status, body) = runtime
        .block_on(Router::new(service.clone()).get(&args.target))
        .map_err(|text| CommandError::Usage(format!("`{}` {text}", args.target)))?;
    service.store.require_unchanged()?;
    let mut stdout = io::stdout();
    let mut written = stdout.write_all(&body);
    // The shell's prompt would follow the body on the same line.
    if written.is_ok() && stdout.is_terminal() && !body.ends_with(b"\n") {
        written = stdout.write_all(b"\n");
    }
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    if (200..300).contains(&status) {
        Ok(())
    } else {
        Err(CommandError::AlreadyReported)
    }
}
