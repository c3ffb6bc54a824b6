//! The errors of clap as one sentence in our form.

use clap::error::{ContextKind, ContextValue, ErrorKind};

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
    match suggestion(error) {
        Some(suggestion) => format!("{sentence}; {suggestion} `--help` shows the usage"),
        None => format!("{sentence}; `--help` shows the usage"),
    }
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
