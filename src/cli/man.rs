//! `man`: prints the manual page of the program or of a command.

use super::{Cli, CommandError, usage_error, write_out};

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command whose page is printed [default: the page of the program]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints the page in roff, for `man -l` or for a file such as `cf-packages-serve.1`.
pub fn run(args: Args) -> Result<(), CommandError> {
    let mut definition = Cli::definition().disable_help_subcommand(true);
    definition.build();
    let page = match &args.command {
        None => definition,
        Some(name) => definition.find_subcommand(name).cloned().ok_or_else(|| {
            CommandError::Usage(match usage_error::no_such_command(name) {
                Some(error) => usage_error::sentence(&error),
                None => format!("there is no page of `{name}`; `--help` lists the commands"),
            })
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .source(concat!("cf-packages ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)?;
    write_out("the page", &text)
}
