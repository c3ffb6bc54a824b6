//! Compares the speed of the program with what bounds it. Each row of the table is the ratio of two figures, measured in
//! the same run: that of the program, over HTTP on a local port, and that of a simpler program, the baseline.
//!
//! ```text
//! cargo bench                        # 1,000, 100,000 and 1,000,000 packages
//! cargo bench -- --quick             # without the million, short rounds
//! cargo bench -- --only pages        # only the groups whose name contains this
//! cargo bench -- --sizes 1000,20000  # other numbers of packages
//! cargo bench --features postgres    # a PostgreSQL database as well: CF_PACKAGES_BENCH_POSTGRES is its URL
//! ```
//!
//! The program runs in its own process, and so does the static route to which it is compared. The two figures are
//! measured in turn, A B A B, and the ratio is the median of the ratios of the pairs, so that other work of the machine
//! affects both.

mod bare_insert;
mod client;
mod databases;
mod in_process;
mod measure;
mod options;
mod process;
mod rows;
mod static_route;
mod table;
mod writer;

use std::error::Error as StdError;
use std::io::{Write, stdout};

use options::{Command, Options};
use rows::Context;

/// A message of one sentence.
type Error = Box<dyn StdError + Send + Sync>;
/// The result of everything that can fail.
type Result<T> = std::result::Result<T, Error>;

fn main() -> Result<()> {
    match options::parse(std::env::args().skip(1))? {
        Command::Measure(options) => measure_all(options),
        Command::Serve(body) => static_route::run(&body),
        Command::Write(database) => writer::run(&database),
    }
}

fn measure_all(options: Options) -> Result<()> {
    if !rows::GROUPS
        .iter()
        .any(|group| options.includes(group.name))
    {
        let names: Vec<_> = rows::GROUPS.iter().map(|group| group.name).collect();
        let names = names.join(", ");
        return Err(format!("`--only` matches none of {names}").into());
    }
    let mut context = Context::new(options)?;
    let mut table = table::Table::default();
    for group in rows::GROUPS {
        if context.options.includes(group.name) {
            eprintln!("measuring {}: {}", group.name, group.about);
            (group.run)(&mut context, &mut table)?;
        }
    }
    stdout().write_all(table.to_string().as_bytes())?;
    Ok(())
}
