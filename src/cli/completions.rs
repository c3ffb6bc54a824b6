//! `completions`: prints a script with which a shell completes the commands and flags.

use clap_complete::Shell;

use super::{Cli, CommandError, write_out};

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that the script is for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: Args) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut Cli::definition(),
        "cf-packages",
        &mut script,
    );
    let mut script = String::from_utf8(script).expect("the names and texts of flags are UTF-8");
    if args.shell == Shell::Bash {
        // clap_complete 4.6 writes the hyphen of the program's name in two ways, so that no flag of a command is
        // completed: https://github.com/clap-rs/clap/issues/6421
        script = script.replace("cf__subcmd__packages", "cf__packages");
    }
    write_out("the script", script.as_bytes())
}
