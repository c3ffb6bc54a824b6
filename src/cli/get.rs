//! `get`: the bytes that the server would answer, without a server.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::CommandError;
use crate::caller::{Caller, Member};
use crate::cli::args::external_url;
use crate::clock::{self, Clock};
use crate::edition::{BaseUrl, Edition};
use crate::http::Router;
use crate::service::{Authentication, Service, ServiceOptions};
use crate::store::Store;

/// Where hrefs lead without `--external-url`: to a server with its defaults.
const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8080";

/// What `get` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Path and query, as `/v3/packages?per_page=2`
    #[arg(value_name = "TARGET")]
    target: String,
    /// The SQLite file
    #[arg(
        long,
        value_name = "FILE",
        env = "CF_PACKAGES_DB",
        default_value = "packages.db"
    )]
    db: PathBuf,
    /// Ask as this user; without `--user` and `--admin` there is no token
    #[arg(long, value_name = "GUID", conflicts_with = "admin")]
    user: Option<String>,
    /// Ask as an admin
    #[arg(long)]
    admin: bool,
    /// The edition of the API
    #[arg(
        long,
        value_name = "EDITION",
        env = "CF_PACKAGES_API",
        default_value = "2015"
    )]
    api: Edition,
    /// Scheme and host of absolute hrefs
    #[arg(long, value_name = "URL", env = "CF_PACKAGES_EXTERNAL_URL", value_parser = external_url)]
    external_url: Option<BaseUrl>,
    /// Every request is an admin's, as with the server's `--no-auth`
    #[arg(long, env = "CF_PACKAGES_NO_AUTH", value_parser = clap::builder::FalseyValueParser::new())]
    no_auth: bool,
    /// The server's time (RFC 3339); no answer depends on it here
    #[arg(long, value_name = "TIME", env = "CF_PACKAGES_CLOCK", value_parser = clock::parse_rfc3339)]
    clock: Option<i64>,
}

/// Prints the answer's body; exit 0 if its status is 2xx, else 1.
pub fn run(args: Args) -> Result<(), CommandError> {
    if !args.target.starts_with('/') {
        return Err(CommandError::Usage(format!(
            "`{}` is no path; give one as `/v3/packages?per_page=2`",
            args.target
        )));
    }
    let authentication = match args.user {
        _ if args.admin || args.no_auth => Authentication::As(Caller::Everything),
        Some(user) => Authentication::As(Caller::Member(Member {
            user,
            rules: args.api.access_rules(),
        })),
        None => Authentication::RefuseAll,
    };
    let service = Service::new(
        Store::open_for_reading(&args.db)?,
        ServiceOptions {
            authentication,
            clock: args.clock.map_or_else(Clock::system, Clock::still),
            edition: args.api,
            external_url: Some(
                args.external_url
                    .unwrap_or_else(|| BaseUrl(DEFAULT_BASE_URL.into())),
            ),
            ..ServiceOptions::default()
        },
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let router = Router::new(Arc::new(service));
    let (status, body) = runtime
        .block_on(router.get(&args.target))
        .map_err(|text| CommandError::Usage(format!("`{}` {text}", args.target)))?;
    let written = io::stdout().write_all(&body);
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
