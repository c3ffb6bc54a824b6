//! `token`: a bearer token on stdout, or a `cf` configuration that holds one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::CommandError;
use super::args::KeyFlags;
use super::cf_home::{self, CfHome};
use crate::auth::tokens::{self, Subject};
use crate::auth::{Keys, Secret};
use crate::clock::{self, Clock};
use crate::duration;
use crate::store::{Store, StoreError, Value};

/// What `token` takes.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["user", "admin"])))]
pub struct Args {
    /// Whose token: the guid of a user (one that the database does not know sees nothing)
    #[arg(long, value_name = "GUID")]
    user: Option<String>,
    /// A token that reads and writes everything
    #[arg(long)]
    admin: bool,
    /// A scope of the token instead of the usual ones; repeatable
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// How long the token lives: `90s`, `10m`, `2h`, `1d`
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration::parse)]
    ttl: Duration,
    /// The SQLite file whose key signs
    #[arg(
        long,
        value_name = "FILE",
        env = "CF_PACKAGES_DB",
        default_value = "packages.db"
    )]
    db: PathBuf,
    #[command(flatten)]
    keys: KeyFlags,
    /// The time of the server, where it stands still: RFC 3339
    #[arg(long, value_name = "TIME", env = "CF_PACKAGES_CLOCK", value_parser = clock::parse_rfc3339)]
    clock: Option<i64>,
    /// Write `DIR/.cf/config.json` for the `cf` program instead, replacing one that is there
    #[arg(long, value_name = "DIR")]
    cf_home: Option<PathBuf>,
    /// The server that the `cf` configuration is for
    #[arg(long, value_name = "URL", default_value = cf_home::DEFAULT_URL, requires = "cf_home")]
    url: String,
}

/// Makes the token and prints it, or writes the configuration and prints nothing.
pub fn run(args: Args) -> Result<(), CommandError> {
    if args.ttl < Duration::from_secs(1) {
        return Err(CommandError::Usage(
            "the `--ttl` is less than a second; give a longer one, as `1h`".into(),
        ));
    }
    if args.user.as_deref() == Some("") {
        return Err(CommandError::Usage(
            "the `--user` is empty; give the guid of a user".into(),
        ));
    }
    let home = match &args.cf_home {
        Some(folder) => Some(CfHome::new(folder, &args.url)?),
        None => None,
    };
    let clock = args.clock.map_or_else(Clock::system, Clock::still);
    let given = args.keys.given()?;
    let (keys, name) = keys_and_name(&args.db, given, args.user.as_deref())?;
    let (subject, usual) = match &args.user {
        Some(guid) => (Subject::user(guid, name.as_deref()), tokens::user_scopes()),
        None => (Subject::admin(), tokens::admin_scopes()),
    };
    let scopes = if args.scope.is_empty() {
        usual
    } else {
        args.scope
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
            error.kind()
        ))
    })
}

/// The keys, and the user's name if the database knows it. With a given key no database is needed: one that is
/// there still tells the name, and one that cannot be read is no fault.
fn keys_and_name(
    path: &Path,
    given: Vec<Secret>,
    user: Option<&str>,
) -> Result<(Keys, Option<String>), CommandError> {
    if given.is_empty() {
        let store = Store::open_for_reading(path)?;
        let keys = store
            .read_blocking(|snapshot| Keys::load(snapshot, Vec::new(), &[]))
            .map_err(CommandError::from_keys)?;
        return Ok((keys, name_of(&store, user)?));
    }
    let keys = Keys::from_secrets(given).map_err(CommandError::from_keys)?;
    let name = match user {
        Some(_) if path.exists() => Store::open_for_reading(path)
            .and_then(|store| name_of(&store, user))
            .unwrap_or_default(),
        _ => None,
    };
    Ok((keys, name))
}

fn name_of(store: &Store, user: Option<&str>) -> Result<Option<String>, StoreError> {
    let Some(guid) = user.map(str::to_owned) else {
        return Ok(None);
    };
    store.read_blocking(move |snapshot| {
        let mut name = None;
        snapshot.rows(
            "select name from users where guid = $1",
            &[Value::from(guid)],
            |row| {
                name = row.optional_text(0)?.map(str::to_owned);
                Ok::<_, StoreError>(())
            },
        )?;
        Ok(name)
    })
}
