//! Trials of what `docs/guide/operating.md` promises: kills, power cuts, full disks, damaged files, hostile clients.
//! Prints a table with one row per trial. `docs/trust.md` describes the trials and how to run them.

// A trial that panics has failed, which its row shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bit_flips;
mod client;
mod data;
mod disk_full;
mod hostile;
mod kills;
#[path = "../../fuzz/mutation.rs"]
mod mutation;
mod power_cuts;
mod run;
mod signing;
mod sigterm;
mod slow_clients;
mod token_table;
mod two_servers;

/// What the tests of behaviour use to run the program.
#[allow(dead_code, reason = "the trials use a part of it")]
#[path = "../it/support"]
mod support {
    pub mod database;
    pub mod http;
    pub mod multipart;
    pub mod openapi_document;
    pub mod program;
    pub mod random;

    pub use http::get;
    pub use multipart::{Part, archive, upload};
    pub use program::{Server, WorkDir, program};
}

use std::io::{Write as _, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use run::{Row, Run};

type Trial = fn(&Run) -> Row;

/// The trials, and the names by which arguments choose them. The quick ones come first and leave their time to the others.
const TRIALS: &[(&str, Trial)] = &[
    ("disk-full", disk_full::full),
    ("two-servers", two_servers::side_by_side),
    ("slow-clients", slow_clients::beside_slow_ones),
    ("hostile", |run| hostile::hostile(run, "2015")),
    ("hostile", |run| hostile::hostile(run, "current")),
    ("sigterm", sigterm::under_load),
    ("token-table", token_table::table),
    ("kills", kills::while_seeding),
    ("kills", kills::while_serving),
    ("kills", kills::while_creating),
    ("kills", kills::while_migrating),
    ("power-cuts", power_cuts::of_servers),
    ("power-cuts", power_cuts::of_servers_without_syncs),
    ("power-cuts", power_cuts::of_a_checkpoint),
    ("power-cuts", power_cuts::of_a_creation),
    ("power-cuts", power_cuts::of_a_migration),
    ("bit-flips", bit_flips::flipped),
];
/// How many failures of one trial are printed.
const PRINTED: usize = 10;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let unknown = |name: &&String| TRIALS.iter().all(|(known, _)| known != name);
    if let Some(name) = wanted.iter().find(unknown) {
        let mut names: Vec<_> = TRIALS.iter().map(|(name, _)| *name).collect();
        names.dedup();
        eprintln!("there is no trial `{name}`; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let run = Run::from_environment();
    print(&format!(
        "{run}\n\n| trial | tried | failed | seconds | seen |\n| --- | ---: | ---: | ---: | --- |"
    ));
    let mut failures = Vec::new();
    let mut trials = TRIALS.to_vec();
    trials.retain(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    for (done, (name, trial)) in trials.iter().enumerate() {
        let begin = Instant::now();
        let share = run.share(trials.len() - done);
        let row = catch_unwind(AssertUnwindSafe(|| trial(&share)));
        let row = row.unwrap_or_else(|_| {
            let text = "the trial panicked; see above".to_owned();
            Row::new(name, begin).failed(text)
        });
        print(&row.to_string());
        let texts = row.failures.iter().take(PRINTED);
        failures.extend(texts.map(|text| format!("{name}: {text}")));
    }
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    print(&format!("\n{}", failures.join("\n")));
    ExitCode::FAILURE
}

fn print(text: &str) {
    writeln!(stdout(), "{text}").expect("stdout is open");
}
