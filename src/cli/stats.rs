//! `stats`: shows what a database holds, as tables or as JSON. Never changes it.

mod screen;

use std::io;

use super::args::{ClockFlag, DatabaseFlag};
use super::sizes::human_size;
use super::{CommandError, values, write_out};
use crate::bundle::Bundle;
use crate::statistics::{self, Rest, Statistics};
use crate::store::Store;
use screen::{Bar, Screen};

/// The arguments of `stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseFlag,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The most rows of each list; the others are counted together
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        allow_hyphen_values = true,
        value_parser = values::parse_count
    )]
    limit: u64,
    #[command(flatten)]
    clock: ClockFlag,
}

/// The sizes of the files of a database, in bytes.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct FileSizes {
    /// The database file.
    bytes: u64,
    /// Its write-ahead log.
    log_bytes: u64,
}

/// Prints what the database holds, all of it from one snapshot.
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    // Removed when it is dropped, after the database is closed.
    let _copy = args.database.use_carried(bundle)?;
    let path = &args
        .database
        .file("`stats` counts what a file holds; `seed` an `export` of it into one")?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let now = args.clock.clock().now();
    let store = Store::open_for_reading(path)?;
    let sizes = FileSizes {
        bytes: std::fs::metadata(store.path()).map_or(0, |file| file.len()),
        log_bytes: store.activity().log_bytes,
    };
    let found = store.read_blocking(|snapshot| statistics::read(snapshot, now, limit));
    let unchanged = store.require_unchanged();
    store.close().map_err(|error| error.at(path))?;
    let found = found.map_err(|error| error.at(path))?;
    unchanged?;
    let text = if args.json {
        json(&found, sizes)?
    } else {
        tables(
            &args.database.shown(path).to_string_lossy(),
            &found,
            sizes,
            Screen::of_stdout(),
        )
    };
    write_out("the numbers", text.as_bytes())
}

fn json(found: &Statistics, file: FileSizes) -> Result<String, CommandError> {
    #[derive(serde::Serialize)]
    struct Document<'s> {
        file: FileSizes,
        #[serde(flatten)]
        found: &'s Statistics,
    }
    let mut text = serde_json::to_string_pretty(&Document { file, found })
        .map_err(|error| CommandError::Failed(format!("JSON cannot be made: {error}")))?;
    text.push('\n');
    Ok(text)
}

fn tables(name: &str, found: &Statistics, file: FileSizes, screen: Screen) -> String {
    let mut page = screen.page();
    let totals = &found.totals;
    page.title(name);
    page.text(&format!(
        "{}, {}, {}, {}, {}",
        counted(totals.organizations, "organization"),
        counted(totals.spaces, "space"),
        counted(totals.apps, "app"),
        counted(totals.users, "user"),
        counted(totals.packages, "package"),
    ));
    let count = |count: &statistics::Count| Bar::count(count.name, count.packages);
    page.bars("packages by state", found.states.iter().map(count), None);
    page.bars("packages by type", found.types.iter().map(count), None);
    page.bars(
        "packages by organization",
        found
            .organizations
            .largest
            .iter()
            .map(|row| Bar::count(&row.name, row.packages)),
        more(found.organizations.more),
    );
    page.bars(
        "packages by space",
        found
            .spaces
            .largest
            .iter()
            .map(|row| Bar::count(format!("{}/{}", row.organization, row.name), row.packages)),
        more(found.spaces.more),
    );
    let ages = &found.ages;
    page.bars(
        &format!("packages by age, at {}", found.now),
        // What should not be is shown if it is.
        ages.counts
            .iter()
            .filter(|row| row.from_seconds.is_some() || row.packages > 0)
            .map(|row| Bar::count(row.name, row.packages)),
        ages.oldest
            .as_ref()
            .zip(ages.newest.as_ref())
            .map(|(oldest, newest)| format!("created {oldest} to {newest}")),
    );
    sizes(&mut page, found, file);
    labels(&mut page, found);
    page.into_text()
}

fn sizes(page: &mut screen::Page, found: &Statistics, file: FileSizes) {
    let blobs = &found.blobs;
    let bytes = |bytes: i64| human_size(u64::try_from(bytes).unwrap_or(0));
    page.bars("sizes", std::iter::empty(), None);
    page.value("database file", &human_size(file.bytes));
    page.value("write-ahead log", &human_size(file.log_bytes));
    page.value("stored bits", &bytes(blobs.bytes));
    page.value("largest bits", &bytes(blobs.largest_bytes));
    page.value("distinct bits", &blobs.count.to_string());
    page.value("packages with bits", &blobs.packages.to_string());
}

fn labels(page: &mut screen::Page, found: &Statistics) {
    let labels = &found.labels;
    page.bars(
        "packages by label key",
        labels.keys.largest.iter().map(|row| {
            let name = format!("{} ({})", row.key, counted(row.values, "value"));
            Bar::count(name, row.packages)
        }),
        more(labels.keys.more),
    );
    let name = |row: &statistics::LabelCount| format!("{}={}", row.key, row.value);
    page.bars(
        "packages by label",
        labels
            .by_packages
            .largest
            .iter()
            .map(|row| Bar::count(name(row), row.packages)),
        more(labels.by_packages.more),
    );
    page.bars(
        "labels by size, bytes of key and value in all packages",
        labels
            .by_bytes
            .largest
            .iter()
            .map(|row| Bar::size(name(row), row.bytes)),
        more(labels.by_bytes.more),
    );
    page.bars(
        "packages with the most labels",
        labels
            .most_labelled
            .iter()
            .map(|row| Bar::count(&row.guid, row.labels)),
        Some(format!(
            "{} on {}",
            counted(labels.count, "label"),
            counted(labels.packages, "package")
        )),
    );
}

/// Returns the line about the rows that are not shown.
fn more(rest: Rest) -> Option<String> {
    let packages = rest.packages.map(|count| counted(count, "package"));
    let packages = packages.map_or(String::new(), |packages| format!(", with {packages}"));
    (rest.count > 0).then(|| format!("and {} more{packages}", rest.count))
}

/// Returns a number and what is counted, such as `1 space` or `2 spaces`.
fn counted(count: i64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

impl Screen {
    fn of_stdout() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self::new(&io::stdout(), variable)
    }
}
