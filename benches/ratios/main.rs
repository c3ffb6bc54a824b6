//! How near the product comes to what bounds it: each figure measured in one run beside its own floor, over HTTP on a
//! local port, printed as one table of ratios.
//!
//! ```text
//! cargo bench                        # 1,000, 100,000 and 1,000,000 packages
//! cargo bench -- --quick             # without the million, short rounds
//! cargo bench -- --only walk         # the rows whose group has this in its name
//! cargo bench -- --sizes 1000,20000  # other tables
//! ```
//!
//! The product runs as its own binary in its own process, and so does the static route beside it; the two sides of a
//! ratio are measured in turn, A B A B, and the ratio is the median of the pairs', so that whatever else the machine
//! does meanwhile falls on both.

mod client;
mod data;
mod insert;
mod measure;
mod options;
mod process;
mod product;
mod rows;
mod static_route;
mod table;
mod writer;

use std::error::Error as StdError;
use std::io::{Write, stdout};

use options::{Command, Options};
use rows::RenderContext;

/// What went wrong: one sentence.
type Error = Box<dyn StdError + Send + Sync>;
/// What may go wrong.
type Result<T> = std::result::Result<T, Error>;

fn main() -> Result<()> {
    match options::parse(std::env::args().skip(1))? {
        Command::Measure(options) => measure_all(options),
        Command::Serve(body) => static_route::run(&body),
        Command::Write(database) => writer::run(&database),
    }
}

fn measure_all(options: Options) -> Result<()> {
    if !rows::GROUPS.iter().any(|group| options.wants(group.name)) {
        let names = rows::GROUPS.map(|group| group.name).join(", ");
        return Err(format!("`--only` names none of {names}").into());
    }
    let mut scene = RenderContext::new(options)?;
    let mut table = table::Table::default();
    for group in rows::GROUPS {
        if scene.options.wants(group.name) {
            eprintln!("measuring {}: {}", group.name, group.about);
            (group.run)(&mut scene, &mut table)?;
        }
    }
    stdout().write_all(table.to_string().as_bytes())?;
    Ok(())
}
