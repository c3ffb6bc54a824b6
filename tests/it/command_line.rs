//! The flags of the command line and their environment variables.

use clap::CommandFactory;

#[test]
fn the_definition_of_the_command_line_is_consistent() {
    cf_packages::cli::Cli::command().debug_assert();
}

#[test]
fn each_flag_of_serve_has_a_variable_and_each_secret_a_file() {
    let command = cf_packages::cli::Cli::command();
    let serve = command.find_subcommand("serve").expect("serve");
    let flags: Vec<&str> = serve
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    for expected in [
        "db",
        "listen",
        "seed",
        "api",
        "token-key",
        "clock",
        "no-auth",
        "log",
        "token-public-key",
        "admin-token-file",
        "external-url",
        "cache-size",
        "login",
        "login-password",
        "login-ttl",
        "ephemeral",
        "from",
        "read-only",
        "exit-with-stdin",
        "admin-api",
        "delay",
    ] {
        assert!(flags.contains(&expected), "--{expected}");
    }
    for argument in serve.get_arguments() {
        let Some(flag) = argument
            .get_long()
            .filter(|flag| !["help", "version"].contains(flag))
        else {
            continue;
        };
        let variable = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
        let secret = flag.strip_suffix("-file").unwrap_or(flag);
        if ["token-key", "login-password"].contains(&secret) {
            // Not read by clap, whose help would show the value.
            assert_eq!(argument.get_env(), None, "--{flag}");
            assert!(
                flags.contains(&format!("{secret}-file").as_str()),
                "--{secret}-file"
            );
        } else {
            assert_eq!(
                argument.get_env().and_then(std::ffi::OsStr::to_str),
                Some(variable.as_str()),
                "--{flag}"
            );
        }
    }
}

#[test]
fn a_variable_has_the_name_of_its_flag_in_every_command() {
    let command = cf_packages::cli::Cli::command();
    for subcommand in command.get_subcommands() {
        for argument in subcommand.get_arguments() {
            let Some(flag) = argument.get_long() else {
                continue;
            };
            if let Some(name) = argument.get_env() {
                let expected = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
                assert_eq!(
                    name.to_str(),
                    Some(expected.as_str()),
                    "{} --{flag}",
                    subcommand.get_name()
                );
            }
            assert!(
                argument.get_env().is_some() || !["db", "clock", "api"].contains(&flag),
                "{} --{flag} has no variable",
                subcommand.get_name()
            );
        }
    }
}
