//! The errors of clap as one sentence in our form.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;

/// Returns the error as one sentence with clap's suggestion.
pub fn sentence(error: &clap::Error) -> String {
    // Without a command, clap's error is the whole help.
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "name a command, such as `serve` or `seed`; `--help` lists them".into();
    }
    let text = error.render().to_string();
    let sentence = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.trim().trim_start_matches("error: "))
        .collect::<Vec<_>>()
        .join(" ")
        .replace('\'', "`")
        .replace("subcommand", "command");
    match suggestion(error).or_else(|| suggestion(&unknown_command(error)?)) {
        Some(suggestion) => format!("{sentence}; {suggestion} `--help` shows the usage"),
        None => format!("{sentence}; `--help` shows the usage"),
    }
}

/// Returns clap's error of the command that `error` does not know. For `help NAME`, clap suggests nothing itself.
fn unknown_command(error: &clap::Error) -> Option<clap::Error> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(name) => no_such_command(name),
        _ => None,
    }
}

/// Returns clap's error of a command that does not exist, or `None` if there is such a command.
pub fn no_such_command(name: &str) -> Option<clap::Error> {
    let parsed = Cli::definition().try_get_matches_from(["cf-packages", name]);
    let error = parsed.err()?;
    (error.kind() == ErrorKind::InvalidSubcommand).then_some(error)
}

fn suggestion(error: &clap::Error) -> Option<String> {
    // A flag of another command is suggested as a command and a flag.
    let similar = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| match error.get(kind)? {
        ContextValue::String(similar) => Some(format!("`{similar}`")),
        ContextValue::Strings(similar) if !similar.is_empty() => {
            Some(format!("`{}`", similar.join("` or `")))
        }
        _ => None,
    });
    if let Some(similar) = similar {
        return Some(format!("did you mean {similar}?"));
    }
    let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) else {
        return None;
    };
    let tip = tips.first()?.to_string().replace('\'', "`");
    Some(format!("{};", tip.replace("subcommand", "command")))
}
