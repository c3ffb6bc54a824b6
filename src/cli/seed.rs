//! `seed`: applies seeds to a database in one transaction.

use super::args::{ClockFlag, DatabaseFlag};
use super::{CommandError, values, write_out};
use crate::seed::{self, OtherRows, Report, SeedError, Source};
use crate::store::{Closed, Durability, Location, StoreError, Transaction};

/// The arguments of `seed`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of a bundled seed, a file, or `-` for standard input; JSON, JSON Lines, or saved answers of the API
    #[arg(value_name = "SEED")]
    seeds: Vec<String>,
    #[command(flatten)]
    database: DatabaseFlag,
    /// Empty the database first, except for its token keys
    #[arg(long)]
    reset: bool,
    /// Remove what the seeds do not name, so that the database holds exactly what they say
    #[arg(long, conflicts_with_all = ["reset", "generate"])]
    prune: bool,
    /// List the bundled seeds
    #[arg(long, conflicts_with_all = ["seeds", "reset", "prune", "generate", "dry_run"])]
    list: bool,
    /// Add N packages for load tests, and the apps, spaces, organizations and users around them
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = values::parse_count)]
    generate: Option<u64>,
    /// Report what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    clock: ClockFlag,
}

/// Why the transaction was not committed.
enum NotCommitted {
    Refused(SeedError),
    /// `--dry-run` was given.
    DryRun(Box<Done>),
}

/// What was done.
struct Done {
    /// What `--reset` removed.
    reset: Option<Report>,
    seeded: Report,
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

/// Applies the seeds, or lists the bundled ones, and prints a report.
pub fn run(args: Args) -> Result<(), CommandError> {
    if args.list {
        let lines = seed::bundled().map(|seed| format!("{:<8} {}\n", seed.name, seed.about));
        return write_out("the list", lines.collect::<String>().as_bytes());
    }
    if args.seeds.is_empty() && !args.reset && !args.prune && args.generate.is_none() {
        return Err(CommandError::Usage(
            "nothing to do; name a seed, or use `--generate N`, `--reset` or `--list`".into(),
        ));
    }
    if args.prune && args.seeds.is_empty() {
        return Err(CommandError::Usage(
            "`--prune` needs a seed: what it does not name is removed; to remove everything, use `--reset`"
                .into(),
        ));
    }
    if args.seeds.iter().filter(|seed| *seed == "-").count() > 1 {
        return Err(CommandError::Usage(
            "`-` is given twice; standard input can be read only once".into(),
        ));
    }
    let sources = args
        .seeds
        .iter()
        .map(|seed| Source::parse(seed))
        .collect::<Result<Vec<_>, _>>()?;
    let location = args.database.location()?;
    let done = match apply(&args, &sources, &location) {
        Ok(done) => done,
        Err(NotCommitted::DryRun(done)) => *done,
        Err(NotCommitted::Refused(error)) => return Err(error.at(location.shown()).into()),
    };
    print(&args, &done)
}

/// Creates the database with the seeds applied, or applies them to the existing one in one transaction.
fn apply(args: &Args, sources: &[Source], location: &Location) -> Result<Done, NotCommitted> {
    if args.dry_run {
        location.refuse_changes_at_opening()?;
    }
    let mut first_try = None;
    let created = location.create(|transaction| {
        first_try = Some(fill(args, sources, transaction)?);
        Ok::<_, NotCommitted>(())
    })?;
    match first_try {
        Some(done) if created => return Ok(done),
        // Another program created the file at the same time. Standard input cannot be read a second time.
        Some(_) if sources.iter().any(Source::is_read_once) => {
            return Err(StoreError::made_meanwhile(location.shown()).into());
        }
        _ => {}
    }
    let store = location.open(Durability::Full)?;
    if let Some(migrated) = store.migrated() {
        eprintln!("cf-packages: {migrated}");
    }
    let done = store.write_patiently(|transaction| fill(args, sources, transaction))?;
    if let closed @ Closed::LogKept { .. } = store.close()? {
        eprintln!("cf-packages: {closed}");
    }
    Ok(done)
}

fn fill(
    args: &Args,
    sources: &[Source],
    transaction: &Transaction<'_>,
) -> Result<Done, NotCommitted> {
    let now = args.clock.clock().now();
    let reset = match args.reset {
        true => Some(seed::reset(transaction)?),
        false => None,
    };
    let others = if args.prune {
        OtherRows::Prune
    } else {
        OtherRows::Keep
    };
    let mut seeded = seed::apply(transaction, sources, others, now)?;
    if let Some(count) = args.generate {
        seeded.add(&seed::generate(transaction, count, now)?);
    }
    let done = Done { reset, seeded };
    if args.dry_run {
        return Err(NotCommitted::DryRun(Box::new(done)));
    }
    Ok(done)
}

fn print(args: &Args, Done { reset, seeded }: &Done) -> Result<(), CommandError> {
    let mut text = String::new();
    if args.dry_run {
        text.push_str("dry run: nothing was changed, but would be\n");
    }
    if let Some(removed) = reset {
        let counts = removed
            .by_kind()
            .filter_map(|(kind, counts)| Some(format!("{kind}: {}", counts.removed?)));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() {
            "there was nothing"
        } else {
            &counts
        };
        text.push_str(&format!(
            "reset: everything but the token keys removed ({counts})\n"
        ));
    }
    if !args.seeds.is_empty() || args.generate.is_some() {
        text.push_str(&format!("{seeded}\n"));
    }
    for note in seeded.notes() {
        eprintln!("cf-packages: {note}");
    }
    write_out("the report", text.as_bytes())
}
