//! The flags of `serve`, and the settings that follow from them. No other module reads the flags.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::Secret;
use crate::auth::secret;
use crate::cli::CommandError;
use crate::cli::args::{
    ApiFlag, ClockFlag, DatabaseFlag, ExternalUrlFlag, KeyFlags, NoAuthFlag, ReplicaFlags,
    refuse_server_as_copy,
};
use crate::cli::values;
use crate::clock::Clock;
use crate::edition::{BaseUrl, Edition};
use crate::seed::Source;
use crate::server::Address;
use crate::service::web_pages::{WebPages, parse_host, parse_origin};
use crate::store::Location;
use crate::{duration, log};

const DATA: &str = "Data";
const NETWORK: &str = "Network";
const API: &str = "API";
const TOKENS: &str = "Tokens and login";
const TESTS: &str = "For tests";
const OPERATION: &str = "Operation";

/// The flags of `serve`, in the order and under the headings of its help.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten, next_help_heading = DATA)]
    database: DatabaseFlag,

    #[command(flatten, next_help_heading = DATA)]
    replicas: ReplicaFlags,

    /// Apply a seed first: the name of a bundled one (`seed --list`), a file, or `-` for standard input; repeatable
    #[arg(long, value_name = "SEED", help_heading = DATA)]
    seed: Vec<String>,

    /// Serve a private temporary database that is removed at exit
    #[arg(long, help_heading = DATA)]
    ephemeral: bool,

    /// With `--ephemeral`: start with a copy of this database, which is never changed
    #[arg(long, value_name = "FILE", help_heading = DATA)]
    from: Option<PathBuf>,

    /// Show a demo: `--ephemeral --api current --login --log-requests`, and `--seed demo` before any other seed
    #[arg(long, help_heading = DATA)]
    demo: bool,

    /// Serve a file that only other programs change, or replace; works on a read-only file system
    #[arg(long, help_heading = DATA)]
    read_only: bool,

    /// The address to listen on, or `unix:PATH` for a socket that only its owner can use; a port alone is one of 127.0.0.1,
    /// and port 0 means any free port
    #[arg(
        long,
        value_name = "ADDR:PORT|unix:PATH",
        default_value = "127.0.0.1:8080",
        allow_hyphen_values = true,
        value_parser = values::parse_listen,
        help_heading = NETWORK
    )]
    listen: Address,

    /// Also answer for this host (the `Host` of requests); a server on loopback answers for `localhost`, 127.0.0.1 and ::1
    /// and the host of `--external-url` only; repeatable
    #[arg(long, value_name = "HOST", value_parser = parse_host, help_heading = NETWORK)]
    allowed_host: Vec<String>,

    /// Let web pages of this origin, such as http://localhost:3000, send requests and read responses (CORS); repeatable
    #[arg(long, value_name = "ORIGIN", value_parser = parse_origin, help_heading = NETWORK)]
    allow_origin: Vec<String>,

    #[command(flatten, next_help_heading = API)]
    edition: ApiFlag,

    #[command(flatten, next_help_heading = API)]
    hrefs: ExternalUrlFlag,

    /// Without `--external-url`: let hrefs begin with what `X-Forwarded-Proto`, `-Host` and `-Prefix` or `Forwarded` say;
    /// only behind a proxy that sets these headers on every request
    #[arg(long, help_heading = API)]
    trust_proxy: bool,

    /// The largest bits of a package that may be uploaded, uncompressed: MiB, or a size such as `1G`
    #[arg(
        long,
        value_name = "MIB",
        default_value = "512",
        allow_hyphen_values = true,
        value_parser = values::parse_mebibytes,
        help_heading = API
    )]
    max_upload: u32,

    /// Serve no page for browsers at `/`
    #[arg(long, help_heading = API)]
    no_ui: bool,

    #[command(flatten, next_help_heading = TOKENS)]
    keys: KeyFlags,

    /// File with an RS256 public key (PEM) or a JWKS that also verifies tokens; repeatable
    #[arg(long, value_name = "FILE", help_heading = TOKENS)]
    token_public_key: Vec<PathBuf>,

    /// Write an admin's token to this file, which only its owner can read
    #[arg(long, value_name = "FILE", help_heading = TOKENS)]
    admin_token_file: Option<PathBuf>,

    #[command(flatten, next_help_heading = TOKENS)]
    authentication: NoAuthFlag,

    /// Let clients log in (`POST /oauth/token`); only with `--api current`
    #[arg(long, help_heading = TOKENS)]
    login: bool,

    /// The password of all users [default: random, shown once on the terminal, or by `--demo`]
    // Without `allow_hyphen_values`, clap would print a password that begins with `-` in its error.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true, help_heading = TOKENS)]
    login_password: Option<Secret>,

    /// File with the `--login-password`
    #[arg(long, value_name = "FILE", help_heading = TOKENS)]
    login_password_file: Option<PathBuf>,

    /// How long the token that a login grants is valid
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        allow_hyphen_values = true,
        value_parser = duration::parse,
        help_heading = TOKENS
    )]
    login_ttl: Duration,

    #[command(flatten, next_help_heading = TESTS)]
    clock: ClockFlag,

    /// Serve the admin API (`/admin/*`), also for a database that is not ephemeral
    #[arg(long, help_heading = TESTS)]
    admin_api: bool,

    /// Delay every response of the API by this long
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        allow_hyphen_values = true,
        value_parser = duration::parse,
        help_heading = TESTS
    )]
    delay: Duration,

    /// How long uploads, copies and deletions by a job take: a package is PROCESSING_UPLOAD or COPYING that long
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        allow_hyphen_values = true,
        value_parser = duration::parse,
        help_heading = TESTS
    )]
    processing: Duration,

    /// Let every build become STAGED after this long, as `auto:5s` [default: a build stays STAGING until `POST
    /// /admin/builds/:guid` says how it ended]
    #[arg(long, value_name = "auto:DURATION", allow_hyphen_values = true, value_parser = staging, help_heading = TESTS)]
    staging: Option<Duration>,

    /// Stop when standard input ends
    #[arg(long, help_heading = TESTS)]
    exit_with_stdin: bool,

    /// The size of the response cache: MiB, or a size such as `1G`; 0 disables it
    #[arg(
        long,
        value_name = "MIB",
        default_value = "64",
        allow_hyphen_values = true,
        value_parser = values::parse_mebibytes,
        help_heading = OPERATION
    )]
    cache_size: u32,

    /// Serve `GET /metrics` for Prometheus, without a token, on a listener of its own
    #[arg(
        long,
        value_name = "ADDR:PORT",
        allow_hyphen_values = true,
        value_parser = values::parse_address,
        help_heading = OPERATION
    )]
    metrics: Option<SocketAddr>,

    /// The format of the messages on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OPERATION)]
    log: log::Format,

    /// Which messages to write: those of this level and of the more severe ones
    #[arg(long, value_name = "LEVEL", default_value = "info", help_heading = OPERATION)]
    log_level: log::Level,

    /// Log each request; on a terminal this is the default
    #[arg(long, help_heading = OPERATION)]
    log_requests: bool,
}

impl Args {
    /// Fails if flags contradict each other, wherever and whenever the server is started.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage.
    fn require_consistent(&self) -> Result<(), CommandError> {
        let usage = |text: &str| Err(CommandError::Usage(text.into()));
        let no_auth = self.authentication.no_auth;
        if no_auth && !self.listen.is_private() {
            return Err(CommandError::Usage(format!(
                "`--no-auth` on `{}` would give everyone full access; listen on loopback, or leave it out",
                self.listen
            )));
        }
        if self.max_upload == 0 {
            return usage("the `--max-upload` is 0; give at least 1 MiB, such as `512`");
        }
        if !self.login {
            return Ok(());
        }
        if self.edition.edition().foundation().is_none() {
            return usage("`--login` needs `--api current`; the edition `2015` has no login");
        }
        if no_auth {
            return usage("`--login` and `--no-auth` contradict each other; give one of them");
        }
        if self.login_ttl.is_zero() {
            return usage("`--login-ttl` is 0; give at least one second");
        }
        Ok(())
    }

    /// Fails if these flags cannot be the default ones of a program that carries data.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage.
    pub(in crate::cli) fn require_bundled(&self) -> Result<(), CommandError> {
        let named = [
            (self.database.is_given(), "--db"),
            (self.replicas.are_given(), "--db-replica"),
            (!self.seed.is_empty(), "--seed"),
            (self.from.is_some(), "--from"),
            (self.demo, "--demo"),
            (self.read_only, "--read-only"),
        ];
        if let Some((_, flag)) = named.into_iter().find(|(given, _)| *given) {
            return Err(CommandError::Usage(format!(
                "`{flag}` names other data than that of the bundle; leave it out, and apply seeds to the database before"
            )));
        }
        let given_twice = [
            (
                self.keys.are_given_twice(),
                "`--token-key` and `--token-key-file` are both given; give one of them",
            ),
            (
                self.login_password.is_some() && self.login_password_file.is_some(),
                "`--login-password` and `--login-password-file` are both given; give one of them",
            ),
            (
                !self.login
                    && (self.login_password.is_some() || self.login_password_file.is_some()),
                "`--login-password` needs `--login`; give both",
            ),
        ];
        if let Some((_, text)) = given_twice.into_iter().find(|(wrong, _)| *wrong) {
            return Err(CommandError::Usage(text.into()));
        }
        self.require_consistent()
    }

    /// Returns whether commands for the shell are shown: to a person, or for a demo, if the log is text and at the level of
    /// what is worth knowing.
    fn shows_hints(&self) -> bool {
        let is_wanted = self.log == log::Format::Text && self.log_level >= log::Level::Info;
        is_wanted && (self.demo || std::io::stderr().is_terminal())
    }
}

/// Which database is served, and how.
#[derive(Debug)]
pub(super) enum Data {
    /// The database there, which is created if it does not exist.
    Location(Location),
    /// This file, which no program changes meanwhile.
    ReadOnly(PathBuf),
    /// A temporary database: a copy of this file, or empty.
    Ephemeral(Option<PathBuf>),
    /// A temporary database: a copy of the data that the program carries.
    Carried,
}

/// The settings of the login.
#[derive(Debug)]
pub(super) struct LoginSettings {
    pub password: Secret,
    /// Whether the password is random, so that it has to be shown.
    pub is_random: bool,
    /// How long an access token is valid.
    pub ttl: Duration,
}

/// Where the metrics are served, and for which hosts.
#[derive(Clone, Debug)]
pub(super) struct MetricsSettings {
    pub listen: SocketAddr,
    pub web_pages: WebPages,
}

/// The settings of a server. Every flag is checked, alone and together with the others.
#[derive(Debug)]
pub(super) struct Settings {
    pub data: Data,
    /// Whether this is a demo, whose login and commands are shown without a terminal too.
    pub demo: bool,
    pub listen: Address,
    pub seeds: Vec<Source>,
    pub edition: Edition,
    pub token_keys: Vec<Secret>,
    pub public_keys: Vec<PathBuf>,
    pub admin_token_file: Option<PathBuf>,
    pub clock: Clock,
    pub no_auth: bool,
    pub external_url: Option<BaseUrl>,
    pub trust_proxy: bool,
    pub web_pages: WebPages,
    pub cache_size: u32,
    /// In MiB.
    pub max_upload: u32,
    pub login: Option<LoginSettings>,
    pub exit_with_stdin: bool,
    pub admin_api: bool,
    /// Whether browsers get a page.
    pub ui: bool,
    pub delay: Duration,
    pub metrics: Option<MetricsSettings>,
    pub processing: Duration,
    pub staging: Option<Duration>,
    pub log: log::Format,
    pub log_level: log::Level,
    pub log_requests: bool,
    /// Whether commands for the shell are shown.
    pub shows_hints: bool,
}

impl Settings {
    /// Checks the flags. A program that carries data (`carries_data`) serves it if no database is given.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if flags contradict each other, or if a secret cannot be read.
    pub(super) fn from_args(mut args: Args, carries_data: bool) -> Result<Self, CommandError> {
        if args.demo {
            expand_demo(&mut args)?;
        }
        let no_auth = args.authentication.no_auth;
        args.require_consistent()?;
        let token_keys = args.keys.given()?;
        let seeds = args
            .seed
            .iter()
            .map(|name| Source::parse(name))
            .collect::<Result<Vec<_>, _>>()?;
        if args.exit_with_stdin && args.seed.iter().any(|name| name == "-") {
            return Err(CommandError::Usage(
                "`--seed -` and `--exit-with-stdin` both read standard input; name a file as the seed".into(),
            ));
        }
        let shows_hints = args.shows_hints();
        let login = login(&args)?;
        let data = match data(&args, carries_data)? {
            Data::Location(location) => Data::Location(args.replicas.add_to(location)?),
            _ if args.replicas.are_given() => {
                return Err(CommandError::Usage(format!(
                    "`--db-replica` {}",
                    Location::NO_REPLICAS
                )));
            }
            data => data,
        };
        Ok(Self {
            data,
            demo: args.demo,
            seeds,
            edition: args.edition.edition(),
            token_keys,
            public_keys: args.token_public_key,
            admin_token_file: args.admin_token_file,
            clock: args.clock.clock(),
            no_auth,
            metrics: args.metrics.map(|listen| MetricsSettings {
                listen,
                web_pages: WebPages::new(
                    listen.ip().is_loopback(),
                    None,
                    args.allowed_host.clone(),
                    Vec::new(),
                ),
            }),
            web_pages: WebPages::new(
                args.listen.is_loopback(),
                args.hrefs.external_url.as_ref(),
                args.allowed_host,
                args.allow_origin,
            ),
            listen: args.listen,
            external_url: args.hrefs.external_url,
            trust_proxy: args.trust_proxy,
            cache_size: args.cache_size,
            max_upload: args.max_upload,
            login,
            exit_with_stdin: args.exit_with_stdin,
            admin_api: args.admin_api,
            ui: !args.no_ui,
            delay: args.delay,
            processing: args.processing,
            staging: args.staging,
            log: args.log,
            log_level: args.log_level,
            log_requests: args.log_requests || std::io::stderr().is_terminal(),
            shows_hints,
        })
    }
}

/// Sets the flags that `--demo` stands for.
fn expand_demo(args: &mut Args) -> Result<(), CommandError> {
    args.edition.set_default(Edition::Current);
    let contradictions = [
        (
            args.database.is_given(),
            "`--demo` serves a temporary database; leave out `--db`, or copy the file with `--from`; of a PostgreSQL database, give the `export` as `--seed`",
        ),
        (
            args.read_only,
            "`--demo` and `--read-only` contradict each other; give one of them",
        ),
        (
            args.edition.edition().foundation().is_none(),
            "`--demo` shows a login, and the edition `2015` has none; leave out `--api`, or give `--ephemeral --seed demo`",
        ),
        (
            args.authentication.no_auth,
            "`--demo` shows a login; leave out `--no-auth`, or give `--ephemeral --seed demo`",
        ),
    ];
    if let Some((_, text)) = contradictions.into_iter().find(|(given, _)| *given) {
        return Err(CommandError::Usage(text.into()));
    }
    args.ephemeral = true;
    args.login = true;
    args.log_requests = true;
    args.seed.insert(0, "demo".into());
    Ok(())
}

/// Parses `auto:DURATION`.
fn staging(text: &str) -> Result<Duration, String> {
    match text.strip_prefix("auto:") {
        Some(duration) => duration::parse(duration),
        None => Err("expected `auto:` and a duration, such as `auto:5s`".into()),
    }
}

fn data(args: &Args, carries_data: bool) -> Result<Data, CommandError> {
    let usage = |text: &str| Err(CommandError::Usage(text.into()));
    if let Some(from) = &args.from {
        refuse_server_as_copy(from)?;
    }
    if carries_data && !args.database.is_given() && args.from.is_none() {
        return match args.read_only {
            true => usage(
                "`--read-only` needs `--db` here, because this program serves a temporary copy of the data that it carries; give both, or leave it out",
            ),
            false => Ok(Data::Carried),
        };
    }
    match (args.ephemeral, args.database.is_given(), args.read_only) {
        (true, true, _) => usage(
            "`--ephemeral` serves a temporary file; leave out `--db`, or give the file as `--from`, or the `export` of a PostgreSQL database as `--seed`",
        ),
        (true, false, true) => {
            usage("`--ephemeral` and `--read-only` contradict each other; give one of them")
        }
        (true, false, false) => Ok(Data::Ephemeral(args.from.clone())),
        (false, ..) if args.from.is_some() => usage("`--from` needs `--ephemeral`; give both"),
        (false, _, true) if !args.seed.is_empty() => {
            usage("`--read-only` cannot apply a `--seed`; apply it before, with `cf-packages seed`")
        }
        (false, _, true) => Ok(Data::ReadOnly(args.database.file(
            "`--read-only` serves a file, leave it out, or `export` the data and `seed` a file with it",
        )?)),
        (false, _, false) => Ok(Data::Location(args.database.location()?)),
    }
}

fn login(args: &Args) -> Result<Option<LoginSettings>, CommandError> {
    let usage = |text: String| Err(CommandError::Usage(text));
    let password = secret::resolve_one(
        "login-password",
        args.login_password.as_ref(),
        args.login_password_file.as_ref(),
    )
    .map_err(CommandError::from_secrets)?;
    if !args.login {
        // Only a flag is refused: the environment may hold a password for another server.
        return if args.login_password.is_some() || args.login_password_file.is_some() {
            usage("`--login-password` needs `--login`; give both".into())
        } else {
            Ok(None)
        };
    }
    let is_random = password.is_none();
    let password = match password {
        Some(password) => password,
        None if args.demo && args.shows_hints() => Secret::random_word(),
        None if !args.listen.is_private() => {
            return usage(format!(
                "`--login` on `{}` needs a password that you choose; give `--login-password-file`",
                args.listen
            ));
        }
        None if !std::io::stderr().is_terminal() => {
            return usage("`--login` needs a password if there is no terminal to show one on; give `--login-password-file`".into());
        }
        None if !args.shows_hints() => {
            return usage("`--login` needs a password if `--log` or `--log-level` keeps a random one off the terminal; give `--login-password-file`".into());
        }
        None => Secret::random(),
    };
    Ok(Some(LoginSettings {
        password,
        is_random,
        ttl: args.login_ttl,
    }))
}
