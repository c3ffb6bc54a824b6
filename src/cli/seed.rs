//! `seed`: data into a database, all or nothing.

use std::io::{ErrorKind, Write, stdout};
use std::path::PathBuf;

use super::Failure;
use crate::clock;
use crate::seed::{self, Report, SeedError, Source};
use crate::store::{Db, Durability, Opened, Store, StoreError};

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
enum Undone {
    Refused(SeedError),
    /// It was only to be tried.
    Dry(Report),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<SeedError> for Undone {
    fn from(error: SeedError) -> Self {
        Self::Refused(error)
    }
}

pub fn run(args: Args) -> Result<(), Failure> {
    if args.list {
        let lines = seed::bundled().map(|seed| format!("{:<8} {}\n", seed.name, seed.about));
        return write_out(&lines.collect::<String>());
    }
    if args.seeds.is_empty() && !args.reset && args.generate.is_none() {
        return Err(Failure::Usage(
            "nothing to do; name a seed, or use `--generate N`, `--reset` or `--list`".into(),
        ));
    }
    if args.seeds.iter().filter(|seed| *seed == "-").count() > 1 {
        return Err(Failure::Usage(
            "`-` stands twice; standard input can be read once".into(),
        ));
    }
    let sources = args
        .seeds
        .iter()
        .map(|seed| Source::parse(seed))
        .collect::<Result<Vec<_>, _>>()?;
    let report = match write(&args, &sources) {
        Ok(report) | Err(Undone::Dry(report)) => report,
        Err(Undone::Refused(error)) => return Err(error.into()),
    };
    print(&args, &report)
}

/// Into a new file in one step, or into the one that is there in one transaction.
fn write(args: &Args, sources: &[Source]) -> Result<Report, Undone> {
    let mut made = None;
    let created = Store::create(&args.db, |db| {
        made = Some(fill(args, sources, db)?);
        Ok::<_, Undone>(())
    })?;
    if let Some(report) = made {
        if created {
            return Ok(report);
        }
        // Standard input is read by now, so that this cannot be tried again from here.
        return Err(StoreError::file(
            &args.db,
            "was made by another program meanwhile; run this again",
        )
        .into());
    }
    let store = Store::open(&args.db, Opened::ReadWrite, Durability::Full)?;
    let report = store.write(|db| fill(args, sources, db))?;
    store.close()?;
    Ok(report)
}

fn fill(args: &Args, sources: &[Source], db: &Db<'_>) -> Result<Report, Undone> {
    let now = args.clock.unwrap_or_else(clock::system_now);
    if args.reset {
        seed::reset(db)?;
    }
    let mut report = seed::apply(db, sources, now)?;
    if let Some(count) = args.generate {
        report.add(&seed::generate(db, count, now)?);
    }
    if args.dry_run {
        return Err(Undone::Dry(report));
    }
    Ok(report)
}

fn print(args: &Args, report: &Report) -> Result<(), Failure> {
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
fn write_out(text: &str) -> Result<(), Failure> {
    match stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Failed(format!(
            "the report cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}
