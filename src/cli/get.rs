//! `get`: prints the response that a server would give, without a server.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::CommandError;
use super::args::{
    ApiFlag, ClockFlag, DEFAULT_URL, DatabaseFlag, ExternalUrlFlag, NoAuthFlag,
    refuse_server_as_copy,
};
use super::known_user::KnownUser;
use crate::bundle::Bundle;
use crate::caller::{Caller, Member};
use crate::edition::BaseUrl;
use crate::ephemeral::{Ephemeral, Folder};
use crate::http::{Answer, Router};
use crate::seed::Source;
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
    /// Answer from a temporary database that holds the seeds, and is removed
    #[arg(long)]
    ephemeral: bool,
    /// With `--ephemeral`: apply a seed: the name of a bundled one, a file, or `-` for standard input; repeatable
    #[arg(long, value_name = "SEED")]
    seed: Vec<String>,
    /// With `--ephemeral`: start with a copy of this database, which is never changed
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Print the status line and the headers before the body
    #[arg(long, short)]
    include: bool,
    /// Send the request as this user; without `--user` and `--admin` it has no token
    #[arg(long, value_name = "GUID", conflicts_with_all = ["admin", "no_auth"])]
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
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    if !args.target.starts_with('/') {
        return Err(CommandError::Usage(format!(
            "`{}` is not a path; give one such as `/v3/packages?per_page=2`",
            args.target
        )));
    }
    // Removed when it is dropped, after the database is closed.
    let copy = args
        .database
        .use_carried(bundle.filter(|_| !args.ephemeral))?;
    let (store, folder) = open(&args)?;
    let authentication = authentication(&args, &store)?;
    let service = Arc::new(Service::new(
        store,
        ServiceOptions {
            authentication,
            clock: args.clock.clock(),
            edition: args.edition.edition(),
            external_url: Some(
                args.hrefs
                    .external_url
                    .unwrap_or_else(|| BaseUrl(DEFAULT_URL.into())),
            ),
            ..ServiceOptions::default()
        },
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime
        .block_on(Router::new(service.clone()).get(&args.target))
        .map_err(|text| CommandError::Usage(format!("`{}` {text}", args.target)))?;
    service.store.require_unchanged()?;
    drop((runtime, service));
    drop((folder, copy));
    print(&answer, args.include)
}

/// Opens the database, or makes a temporary one. The folder of that has to be dropped after the store.
fn open(args: &Args) -> Result<(Store, Option<Folder>), CommandError> {
    if !args.ephemeral {
        let flag = match (args.seed.is_empty(), &args.from) {
            (false, _) => "--seed",
            (true, Some(_)) => "--from",
            (true, None) => {
                return Ok((args.database.location()?.open_for_reading()?, None));
            }
        };
        return Err(CommandError::Usage(format!(
            "`{flag}` needs `--ephemeral`, because `get` never changes a database; give both"
        )));
    }
    if args.database.is_given() {
        return Err(CommandError::Usage(
            "`--ephemeral` answers from a temporary database; leave out `--db`, or give the file as `--from`, or the `export` of a PostgreSQL database as `--seed`"
                .into(),
        ));
    }
    if let Some(from) = &args.from {
        refuse_server_as_copy(from)?;
    }
    let sources = args.seed.iter().map(|seed| Source::parse(seed));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let now = args.clock.clock().now();
    let Ephemeral { store, folder, .. } = Ephemeral::new(args.from.as_deref(), &sources, now)?;
    Ok((store, Some(folder)))
}

fn authentication(args: &Args, store: &Store) -> Result<Authentication, CommandError> {
    match &args.user {
        _ if args.admin || args.authentication.no_auth => {
            Ok(Authentication::As(Caller::Everything))
        }
        Some(user) => {
            let known = KnownUser::find(store, user).map_err(|error| error.at(store.path()))?;
            known.warn_if_unknown(user);
            Ok(Authentication::As(Caller::Member(Member {
                user: user.clone(),
                rules: args.edition.edition().access_rules(),
            })))
        }
        None => Ok(Authentication::RefuseAll),
    }
}

fn print(answer: &Answer, include: bool) -> Result<(), CommandError> {
    let mut output = Vec::new();
    if include {
        output.extend_from_slice(answer.head.as_bytes());
        output.push(b'\n');
    }
    output.extend_from_slice(&answer.body);
    let mut stdout = io::stdout();
    // The shell's prompt would follow the body on the same line.
    if stdout.is_terminal() && !output.ends_with(b"\n") {
        output.push(b'\n');
    }
    let written = stdout.write_all(&output);
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    if (200..300).contains(&answer.status) {
        Ok(())
    } else {
        Err(CommandError::AlreadyReported)
    }
}
