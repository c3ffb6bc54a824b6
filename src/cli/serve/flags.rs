//! What was typed, and what it means: nothing behind `Settings` sees a raw flag.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::Secret;
use crate::auth::secret;
use crate::cli::CommandError;
use crate::cli::args::KeyFlags;
use crate::cli::args::external_url;
use crate::edition::{BaseUrl, Edition};
use crate::seed::Source;
use crate::{clock, duration, log};

/// The flags of `serve`; each is also `CF_PACKAGES_<FLAG>`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The SQLite file, created if it is not there [default: packages.db]
    #[arg(long, value_name = "FILE", env = "CF_PACKAGES_DB")]
    db: Option<PathBuf>,

    /// Where to listen; port 0 is a free one
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "CF_PACKAGES_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,

    /// Apply a seed first: a bundled name (`seed --list`), a file, or `-` for standard input; repeatable
    #[arg(long, value_name = "SEED", env = "CF_PACKAGES_SEED")]
    seed: Vec<String>,

    /// The edition of the API; today's clients need `current`
    #[arg(
        long,
        value_name = "EDITION",
        env = "CF_PACKAGES_API",
        default_value = "2015"
    )]
    api: Edition,

    #[command(flatten)]
    keys: KeyFlags,

    /// RS256 public key (PEM) or JWKS file that verifies tokens too; repeatable
    #[arg(long, value_name = "FILE", env = "CF_PACKAGES_TOKEN_PUBLIC_KEY")]
    token_public_key: Vec<PathBuf>,

    /// Write an admin's token to this file, readable by its owner only
    #[arg(long, value_name = "FILE", env = "CF_PACKAGES_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,

    /// The time (RFC 3339) at which the server's clock stands still [default: the system's clock]
    #[arg(long, value_name = "TIME", env = "CF_PACKAGES_CLOCK", value_parser = clock::parse_rfc3339)]
    clock: Option<i64>,

    /// Ask for no token: every request is an admin's; only on loopback
    #[arg(long, env = "CF_PACKAGES_NO_AUTH", value_parser = clap::builder::FalseyValueParser::new())]
    no_auth: bool,

    /// Scheme and host of absolute hrefs [default: the request's Host]
    #[arg(long, value_name = "URL", env = "CF_PACKAGES_EXTERNAL_URL", value_parser = external_url)]
    external_url: Option<BaseUrl>,

    /// Memory for response_cache pages, in MiB; 0: none
    #[arg(
        long,
        value_name = "MIB",
        env = "CF_PACKAGES_CACHE_SIZE",
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(..=1_048_576)
    )]
    cache_size: u32,

    /// Let clients log in (`POST /oauth/token`); only with `--api current`
    #[arg(long, env = "CF_PACKAGES_LOGIN", value_parser = clap::builder::FalseyValueParser::new())]
    login: bool,

    /// The one password of all users [default: random, shown once on the terminal]
    // A password that begins with `-` is a password: refused, it would be printed.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    login_password: Option<Secret>,

    /// A file that holds the `--login-password`
    #[arg(long, value_name = "FILE")]
    login_password_file: Option<PathBuf>,

    /// How long a token lives that a login gives
    #[arg(
        long,
        value_name = "DURATION",
        env = "CF_PACKAGES_LOGIN_TTL",
        default_value = "10m",
        value_parser = duration::parse
    )]
    login_ttl: Duration,

    /// Serve a private temporary database that is gone at exit
    #[arg(long, env = "CF_PACKAGES_EPHEMERAL", value_parser = clap::builder::FalseyValueParser::new())]
    ephemeral: bool,

    /// With `--ephemeral`: begin with a copy of this database, which is never touched
    #[arg(long, value_name = "FILE", env = "CF_PACKAGES_FROM")]
    from: Option<PathBuf>,

    /// Serve a file that nobody writes while it is served, also on a read-only file system
    #[arg(long, env = "CF_PACKAGES_READ_ONLY", value_parser = clap::builder::FalseyValueParser::new())]
    read_only: bool,

    /// Stop when standard input closes
    #[arg(long, env = "CF_PACKAGES_EXIT_WITH_STDIN", value_parser = clap::builder::FalseyValueParser::new())]
    exit_with_stdin: bool,

    /// Serve `/admin/*` to admins, also on a database that is not ephemeral
    #[arg(long, env = "CF_PACKAGES_ADMIN_API", value_parser = clap::builder::FalseyValueParser::new())]
    admin_api: bool,

    /// Let every answer of the API wait this long
    #[arg(
        long,
        value_name = "DURATION",
        env = "CF_PACKAGES_DELAY",
        default_value = "0s",
        value_parser = duration::parse
    )]
    delay: Duration,

    /// How messages are written to stderr
    #[arg(
        long,
        value_name = "FORMAT",
        env = "CF_PACKAGES_LOG",
        default_value = "text"
    )]
    log: log::Format,
}

/// Which database is served, and how.
#[derive(Debug)]
pub(super) enum Data {
    /// This file, made if it is not there.
    File(PathBuf),
    /// This file, which nobody writes.
    ReadOnly(PathBuf),
    /// A temporary one, empty at first, or a copy of that file.
    Ephemeral(Option<PathBuf>),
}

/// Logins, if there are any: the password, whether it was made up, and how long their tokens live.
#[derive(Debug)]
pub(super) struct Logins {
    pub password: Secret,
    pub made_up: bool,
    pub ttl: Duration,
}

/// What a server is started with: every flag checked, alone and with the others.
#[derive(Debug)]
pub(super) struct Settings {
    pub data: Data,
    pub listen: SocketAddr,
    pub seeds: Vec<Source>,
    pub edition: Edition,
    pub token_keys: Vec<Secret>,
    pub public_keys: Vec<PathBuf>,
    pub admin_token_file: Option<PathBuf>,
    pub clock: Option<i64>,
    pub no_auth: bool,
    pub external_url: Option<BaseUrl>,
    pub cache_size: u32,
    pub logins: Option<Logins>,
    pub exit_with_stdin: bool,
    pub admin_api: bool,
    pub delay: Duration,
    pub log: log::Format,
}

impl Settings {
    pub(super) fn from_args(args: Args) -> Result<Self, CommandError> {
        if args.no_auth && !args.listen.ip().is_loopback() {
            return Err(CommandError::Usage(format!(
                "`--no-auth` lets everybody in who reaches `{}`; listen on loopback, or leave it out",
                args.listen
            )));
        }
        let token_keys = args.keys.given()?;
        let seeds = args
            .seed
            .iter()
            .map(|name| Source::parse(name))
            .collect::<Result<Vec<_>, _>>()?;
        if args.exit_with_stdin && args.seed.iter().any(|name| name == "-") {
            return Err(CommandError::Usage(
                "`--seed -` and `--exit-with-stdin` both want standard input; name a file".into(),
            ));
        }
        let logins = logins(&args)?;
        let data = data(&args)?;
        Ok(Self {
            data,
            listen: args.listen,
            seeds,
            edition: args.api,
            token_keys,
            public_keys: args.token_public_key,
            admin_token_file: args.admin_token_file,
            clock: args.clock,
            no_auth: args.no_auth,
            external_url: args.external_url,
            cache_size: args.cache_size,
            logins,
            exit_with_stdin: args.exit_with_stdin,
            admin_api: args.admin_api,
            delay: args.delay,
            log: args.log,
        })
    }
}

fn data(args: &Args) -> Result<Data, CommandError> {
    let usage = |text: &str| Err(CommandError::Usage(text.into()));
    match (args.ephemeral, &args.db, args.read_only) {
        (true, Some(_), _) => {
            usage("`--ephemeral` has a file of its own; leave out `--db`, or give it as `--from`")
        }
        (true, None, true) => usage("`--ephemeral` is written to; leave out `--read-only`"),
        (true, None, false) => Ok(Data::Ephemeral(args.from.clone())),
        (false, ..) if args.from.is_some() => {
            usage("`--from` is copied for an `--ephemeral` server; give both")
        }
        (false, _, true) if !args.seed.is_empty() => usage(
            "`--read-only` writes nothing; apply the `--seed` before, with `cf-packages seed`",
        ),
        (false, db, read_only) => {
            let file = db.clone().unwrap_or_else(|| "packages.db".into());
            Ok(if read_only {
                Data::ReadOnly(file)
            } else {
                Data::File(file)
            })
        }
    }
}

fn logins(args: &Args) -> Result<Option<Logins>, CommandError> {
    let usage = |text: String| Err(CommandError::Usage(text));
    let password = secret::resolve_one(
        "login-password",
        args.login_password.as_ref(),
        args.login_password_file.as_ref(),
    )
    .map_err(CommandError::from_secret)?;
    if !args.login {
        // The environment may hold one for another server; a flag is meant.
        return if args.login_password.is_some() || args.login_password_file.is_some() {
            usage("`--login-password` goes with `--login`; give both".into())
        } else {
            Ok(None)
        };
    }
    if args.api != Edition::Current {
        return usage(
            "`--login` goes with `--api current`; no client of `2015` logs in here".into(),
        );
    }
    if args.no_auth {
        return usage("`--login` and `--no-auth` contradict each other; give one of them".into());
    }
    if args.login_ttl.is_zero() {
        return usage("`--login-ttl` is 0; give a second at least".into());
    }
    let made_up = password.is_none();
    let password = match password {
        Some(password) => password,
        None if !args.listen.ip().is_loopback() => {
            return usage(format!(
                "`--login` on `{}` needs a password of yours; give `--login-password-file`",
                args.listen
            ));
        }
        None if !std::io::stderr().is_terminal() => {
            return usage("`--login` without a terminal to show a password on needs one; give `--login-password-file`".into());
        }
        None => Secret::random(),
    };
    Ok(Some(Logins {
        password,
        made_up,
        ttl: args.login_ttl,
    }))
}
