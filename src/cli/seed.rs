//! `seed`: data into a database, all or nothing.

use std::io::{ErrorKind, Write, stdout};
use std::path::PathBuf;

use super::CommandError;
use crate::clock;
use crate::seed::{self, Report, SeedError, Source};
use crate::store::{Durability, OpenMode, Store, StoreError, Transaction};

/// What `seed` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A bundled seed, a file, or `-` for standard input; JSON or JSON Lines
    #[arg(value_name = "SEED")]
    seeds: Vec<String>,
    /// The SQLite file, created if it is not there
    #[arg(
        long,
        value_name = "FILE",
        default_value = "packages.db",
        env = "CF_PACKAGES_DB"
    )]
    db: PathBuf,
    /// Empty the database first; only its token keys stay
    #[arg(long)]
    reset: bool,
    /// Show the bundled seeds
    #[arg(long, conflicts_with_all = ["seeds", "reset", "generate", "dry_run"])]
    list: bool,
    /// Add N packages for load tests, and the apps, spaces, organizations and users around them
    #[arg(long, value_name = "N")]
    generate: Option<u64>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The time of new entries that give none (RFC 3339)
    #[arg(long, value_name = "TIME", env = "CF_PACKAGES_CLOCK", value_parser = clock::parse_rfc3339)]
    clock: Option<i64>,
}

/// Why the transaction was not committed.
enum NotCommitted {
    Refused(SeedError),
    /// It was only to be tried.
    Dry(Report),
}

impl From<StoreError> for NotCommitted {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<SeedError> for NotCommitted {
    fn from(error: SeedError) -> Self {
        Self::Refused(error)
    }
}

pub fn run(args: Args) -> Result<(), CommandError> {
    if args.list {
        let lines = seed::bundled().map(|seed| format!("{:<8} {}\n", seed.name, seed.about));
        return write_out(&lines.collect::<String>());
    }
    if args.seeds.is_empty() && !args.reset && args.generate.is_none() {
        return Err(CommandError::Usage(
            "nothing to do; name a seed, or use `--generate N`, `--reset` or `--list`".into(),
        ));
    }
    if args.seeds.iter().filter(|seed| *seed == "-").count() > 1 {
        return Err(CommandError::Usage(
            "`-` stands twice; standard input can be read once".into(),
        ));
    }
    let sources = args
        .seeds
        .iter()
        .map(|seed| Source::parse(seed))
        .collect::<Result<Vec<_>, _>>()?;
    let report = match write(&args, &sources) {
        Ok(report) | Err(NotCommitted::Dry(report)) => report,
        Err(NotCommitted::Refused(error)) => return Err(error.into()),
    };
    print(&args, &report)
}

/// Into a new file in one step, or into the one that is there in one transaction.
fn write(args: &Args, sources: &[Source]) -> Result<Report, NotCommitted> {
    let mut made = None;
    let created = Store::create(&args.db, |transaction| {
        made = Some(fill(args, sources, transaction)?);
        Ok::<_, NotCommitted>(())
    })?;
    match made {
        Some(report) if created => return Ok(report),
        // Another program was faster: what was filled is gone, and standard input with it.
        Some(_) if sources.iter().any(Source::is_read_once) => {
            return Err(StoreError::made_meanwhile(&args.db).into());
        }
        _ => {}
    }
    let store = Store::open(&args.db, OpenMode::ReadWrite, Durability::Full)?;
    let report = store.write(|transaction| fill(args, sources, transaction))?;
    store.close()?;
    Ok(report)
}

fn fill(
    args: &Args,
    sources: &[Source],
    transaction: &Transaction<'_>,
) -> Result<Report, NotCommitted> {
    let now = args.clock.unwrap_or_else(clock::system_now);
    if args.reset {
        seed::reset(transaction)?;
    }
    let mut report = seed::apply(transaction, sources, now)?;
    if let Some(count) = args.generate {
        report.add(&seed::generate(transaction, count, now)?);
    }
    if args.dry_run {
        return Err(NotCommitted::Dry(report));
    }
    Ok(report)
}

fn print(args: &Args, report: &Report) -> Result<(), CommandError> {
    let mut text = String::new();
    if args.dry_run {
        text.push_str("dry run: nothing was changed, but would be\n");
    }
    if args.reset {
        text.push_str("reset: everything but the token keys removed\n");
    }
    if !args.seeds.is_empty() || args.generate.is_some() {
        text.push_str(&format!("{report}\n"));
    }
    write_out(&text)
}

/// Who closed stdout does not want to know.
fn write_out(text: &str) -> Result<(), CommandError> {
    match stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Failed(format!(
            "the report cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}
