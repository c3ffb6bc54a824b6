//! `token`: prints a bearer token, or writes a `cf` configuration that holds one.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::CommandError;
use super::args::{ClockFlag, DEFAULT_URL, DatabaseFlag, KeyFlags};
use super::cf_home::CfHome;
use super::known_user::KnownUser;
use crate::auth::tokens::{self, Subject};
use crate::auth::{Keys, Secret};
use crate::bundle::Bundle;
use crate::duration;
use crate::edition::Edition;
use crate::error_text::os_error;
use crate::store::{Store, StoreError};

/// The arguments of `token`. Without `--token-key`, the key of the database signs.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("subject").required(true).args(["user", "admin"])))]
pub struct Args {
    /// The guid of the user whose token it is; a user that the database does not hold sees nothing
    #[arg(long, value_name = "GUID", conflicts_with = "admin")]
    user: Option<String>,
    /// Print a token that reads and writes everything
    #[arg(long)]
    admin: bool,
    /// A scope of the token, instead of the default ones; repeatable
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// How long the token is valid, such as `90s`, `10m`, `2h` or `1d`
    #[arg(long, value_name = "DURATION", default_value = "1h", allow_hyphen_values = true, value_parser = duration::parse)]
    ttl: Duration,
    #[command(flatten)]
    database: DatabaseFlag,
    #[command(flatten)]
    keys: KeyFlags,
    #[command(flatten)]
    clock: ClockFlag,
    /// Write `DIR/.cf/config.json` for the `cf` program instead; replaces an existing one
    #[arg(long, value_name = "DIR")]
    cf_home: Option<PathBuf>,
    /// The server that the `cf` configuration names [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Prints the token, or writes the configuration and prints nothing.
pub fn run(mut args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    if args.ttl < Duration::from_secs(1) {
        return Err(CommandError::Usage(
            "the `--ttl` is less than a second; give a longer one, such as `1h`".into(),
        ));
    }
    if args.user.as_deref() == Some("") {
        return Err(CommandError::Usage(
            "the `--user` is empty; give the guid of a user".into(),
        ));
    }
    let home = match (&args.cf_home, &args.url) {
        (Some(folder), url) => Some(CfHome::new(folder, url.as_deref().unwrap_or(DEFAULT_URL))?),
        (None, Some(_)) => {
            return Err(CommandError::Usage(
                "`--url` needs `--cf-home`; give both".into(),
            ));
        }
        (None, None) => None,
    };
    let clock = args.clock.clock();
    let given = args.keys.given()?;
    if bundle.is_some() && given.is_empty() && !args.database.is_given() {
        return Err(CommandError::Usage(
            "this program makes a new token key at each start, so that no token can be made before; start it with `--admin-token-file FILE`, which gets a token, or give the same `--token-key` to both"
                .into(),
        ));
    }
    // Removed when it is dropped, after the database is closed.
    let _copy = args.database.use_carried(bundle)?;
    let scopes = match &args.user {
        _ if !args.scope.is_empty() => args.scope,
        Some(_) => tokens::user_scopes(),
        None => tokens::admin_scopes(),
    };
    let (keys, name) = keys_and_name(&args.database, given, args.user.as_deref(), &scopes)?;
    let subject = match &args.user {
        Some(guid) => Subject::user(guid, name.as_deref()),
        None => Subject::admin(),
    };
    let access = tokens::access(&keys, &clock, &subject, &scopes, args.ttl)?;
    if let Some(home) = home {
        let refresh = tokens::refresh(&keys, &clock, &subject, &scopes)?;
        return home
            .write(&access.text, &refresh.text)
            .map_err(CommandError::Failed);
    }
    writeln!(std::io::stdout(), "{}", access.text).map_err(|error| {
        CommandError::Failed(format!(
            "the token cannot be written to standard output: {}",
            os_error(&error)
        ))
    })
}

/// Returns whether a token with these scopes reads everything without roles, in one of the editions at least: the token
/// does not say which edition the server speaks.
fn reads_everything(scopes: &[String]) -> bool {
    let editions = Edition::value_variants().iter();
    let mut rules = editions.map(|edition| edition.access_rules());
    rules.any(|rules| tokens::reads_everything(scopes, rules))
}

/// Returns the keys, and the user's name if the database holds the user. With keys on the command line, the database is
/// optional: it is used for the name only, and it is not an error if it cannot be read.
fn keys_and_name(
    database: &DatabaseFlag,
    given: Vec<Secret>,
    user: Option<&str>,
    scopes: &[String],
) -> Result<(Keys, Option<String>), CommandError> {
    let location = database.location()?;
    let path = location.shown();
    let needs_roles = !reads_everything(scopes);
    let find = |store: &Store, guid: &str, warn: bool| {
        let found = KnownUser::find(store, guid)?;
        if warn && needs_roles {
            found.warn_if_unknown(guid);
        }
        Ok::<_, StoreError>(found.name)
    };
    if given.is_empty() {
        let store = location.open_for_reading()?;
        let keys = store.read_blocking(|snapshot| Keys::load(snapshot, Vec::new(), &[]));
        let name = user.map(|guid| find(&store, guid, true)).transpose();
        // What SQLite says about a file that changed while it was read would be misleading.
        store.require_unchanged()?;
        let keys = keys.map_err(|error| CommandError::from_keys(error.at(path)))?;
        return Ok((keys, name.map_err(|error| error.at(path))?.flatten()));
    }
    let keys = Keys::from_secrets(given).map_err(CommandError::from_keys)?;
    // A database that was not named may be another than the one for which the token is.
    let warn = database.is_given();
    let name = match user {
        Some(guid) if location.may_exist() => location
            .open_for_reading()
            .and_then(|store| find(&store, guid, warn))
            .unwrap_or_default(),
        _ => None,
    };
    Ok((keys, name))
}
