//! The address of a database, and how a connection to its server is made.

use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{CancelToken, Config};

use super::client::{Client, Endpoint};
use super::errors::store_error;
use super::history::Histories;
use super::tls::{self, Tls};
use crate::store::StoreError;

/// How long a server may take to accept a connection, unless the URL says it.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// The settings of each connection, whatever the server's defaults: a seed may take long, transactions write unless they say
/// that they only read, and no statement is worth compiling.
const SETTINGS: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; \
     set default_transaction_read_only = off; set jit = off";
/// The parameters of a URL that are passed on to the client library
/// (<https://docs.rs/tokio-postgres/0.7/tokio_postgres/config/struct.Config.html>).
const PARAMETERS: [&str; 18] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// Those of libpq that it does not know (<https://www.postgresql.org/docs/current/libpq-connect.html>). An error may name
/// them; any other name may be part of a password.
const UNSUPPORTED: [&str; 11] = [
    "client_encoding",
    "gssencmode",
    "krbsrvname",
    "passfile",
    "require_auth",
    "requirepeer",
    "service",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslpassword",
];
/// How long what was sent may stay without an acknowledgement. Then the server counts as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// The URL of a database: `postgres://user:password@host:5432/name?sslmode=verify-full`.
///
/// It is shown without user, password and parameters.
pub struct ServerAddress {
    config: Config,
    /// The file with the certificates that are trusted, instead of those of the system.
    root_certificates: Option<PathBuf>,
    is_encrypted: bool,
    shown: PathBuf,
    tls: OnceLock<Tls>,
    histories: Histories,
    /// The standbys that pages may be read from.
    replicas: Vec<Arc<Self>>,
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerAddress").field(&self.shown).finish()
    }
}

impl Clone for ServerAddress {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            root_certificates: self.root_certificates.clone(),
            is_encrypted: self.is_encrypted,
            shown: self.shown.clone(),
            tls: OnceLock::new(),
            histories: Histories::default(),
            replicas: self.replicas.clone(),
        }
    }
}

impl ServerAddress {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// Fails with a clause that follows the name of the flag. It does not repeat the URL, which holds a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (base, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut kept = Vec::new();
        let mut tls = None;
        let mut root_certificates = None;
        for parameter in parameters.split('&').filter(|one| !one.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let decoded = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => tls = Some(is_encrypted(&decoded())?),
                "sslrootcert" => root_certificates = Some(PathBuf::from(decoded())),
                _ if PARAMETERS.contains(&name) => kept.push(parameter),
                _ if UNSUPPORTED.contains(&name) => {
                    return Err(format!(
                        "has the parameter `{name}`, which is not supported; leave it out"
                    ));
                }
                _ => {
                    return Err(
                        "has an unknown parameter; parameters are separated by `&`, which is written as `%26` in a value"
                            .into(),
                    );
                }
            }
        }
        let mut config: Config = format!("{base}?{}", kept.join("&"))
            .parse()
            .map_err(|error: tokio_postgres::Error| wrong(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(
                "names no host; give one, as `postgres://db.example.org/packages`, or a folder with a socket, as `postgres:///packages?host=/var/run/postgresql`"
                    .into(),
            );
        }
        refuse_misspelled(&config, root_certificates.as_deref())?;
        let is_encrypted = match tls {
            Some(is_encrypted) => is_encrypted,
            // A certificate is no use on the way to this machine.
            None => root_certificates.is_some() || !is_on_this_machine(&config),
        };
        config.ssl_mode(if is_encrypted {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME);
        }
        if config.get_application_name().is_none() {
            config.application_name("cf-packages");
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.keepalives_idle(SILENCE);
        let shown = shown(&config);
        Ok(Self {
            config,
            root_certificates,
            is_encrypted,
            shown,
            tls: OnceLock::new(),
            histories: Histories::default(),
            replicas: Vec::new(),
        })
    }

    /// Returns the address without user, password and parameters.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Returns the same address with the standbys that pages may be read from.
    pub(in crate::store) fn with_replicas(&self, replicas: Vec<Arc<Self>>) -> Self {
        Self {
            replicas,
            ..self.clone()
        }
    }

    /// Returns the histories that this process saw of the database.
    pub(super) fn histories(&self) -> &Histories {
        &self.histories
    }

    pub(super) fn replicas(&self) -> &[Arc<Self>] {
        &self.replicas
    }

    /// Makes a connection for a thread that may wait.
    pub(super) fn connect(&self) -> Result<Client, StoreError> {
        let client = Client::connect(self.endpoint()?)?;
        let set = client.batch_execute(SETTINGS);
        set.map_err(|failure| failure.store_error())?;
        Ok(client)
    }

    /// Makes a connection that is served by the current tokio runtime, until the client is dropped.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) async fn connect_on_runtime(&self) -> Result<tokio_postgres::Client, StoreError> {
        let connected = self.endpoint()?.connect().await;
        let (client, _) = connected.map_err(|failure| failure.connect_error())?;
        let set = client.batch_execute(SETTINGS).await;
        set.map_err(|error| store_error(&error))?;
        Ok(client)
    }

    /// Asks the server to end the statement that `token` is of. It may have ended by then.
    pub(super) fn cancel(&self, token: &CancelToken) {
        if let Ok(endpoint) = self.endpoint() {
            endpoint.cancel(token);
        }
    }

    fn endpoint(&self) -> Result<Endpoint, StoreError> {
        let tls = match self.is_encrypted {
            true => Some(self.tls()?.clone()),
            false => None,
        };
        Ok(Endpoint {
            config: self.config.clone(),
            tls,
        })
    }

    fn tls(&self) -> Result<&Tls, StoreError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let made = tls::make(self.root_certificates.as_deref())?;
        Ok(self.tls.get_or_init(|| made))
    }
}

/// Returns whether connections are encrypted in that mode.
fn is_encrypted(mode: &str) -> Result<bool, String> {
    match mode {
        "disable" => Ok(false),
        // The certificate is always checked: a machine on the way could answer for the server.
        "require" | "verify-full" => Ok(true),
        "allow" | "prefer" | "verify-ca" => Err(format!(
            "has the `sslmode` `{mode}`, which does not keep others from answering for the server; give `verify-full`, or `disable` in a network that you trust"
        )),
        _ => Err("has an unknown `sslmode`; give `verify-full` or `disable`".into()),
    }
}

/// Fails if part of a password may be in another part of the URL, which errors and the log show.
fn refuse_misspelled(config: &Config, root_certificates: Option<&Path>) -> Result<(), String> {
    let is_host = |name: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
        !name.is_ascii() || name.bytes().all(is_allowed)
    };
    let has_separator = |text: &str| text.contains(['@', '&', ';', '=', '?']);
    let are_hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_host(name),
        Host::Unix(_) => true,
    });
    let part = if !are_hosts {
        "host"
    } else if config.get_dbname().is_some_and(has_separator) {
        "database"
    } else if root_certificates.is_some_and(|path| has_separator(&path.to_string_lossy())) {
        "file in `sslrootcert`"
    } else {
        return Ok(());
    };
    Err(format!(
        "names a {part} with a character that separates parts of a URL; write such characters of a password as `%40` (`@`), `%2F` (`/`) or `%3F` (`?`), and begin the parameters with `?`"
    ))
}

/// Returns what is wrong with a URL. The text of the error names a parameter, and no value.
fn wrong(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    let cause = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    format!(
        "is no URL of a database: {cause}; give one such as `postgres://db.example.org:5432/packages?user=me`"
    )
}

fn is_on_this_machine(config: &Config) -> bool {
    let is_loopback = |address: &IpAddr| address.is_loopback();
    if !config.get_hostaddrs().is_empty() {
        return config.get_hostaddrs().iter().all(is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address| is_loopback(&address))
        }
        Host::Unix(_) => true,
    })
}

fn shown(config: &Config) -> PathBuf {
    let mut text = String::from("postgres://");
    for (n, host) in config.get_hosts().iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let port = config.get_ports().get(n).or(config.get_ports().first());
        let port = port.copied().unwrap_or(5432);
        // Writing to a `String` never fails.
        let _ = match host {
            Host::Tcp(name) if name.contains(':') => write!(text, "{comma}[{name}]:{port}"),
            Host::Tcp(name) => write!(text, "{comma}{name}:{port}"),
            Host::Unix(folder) => write!(text, "{comma}{}:{port}", folder.display()),
        };
    }
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    text.push('/');
    text.push_str(database);
    PathBuf::from(OsStr::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<ServerAddress, String> {
        ServerAddress::parse(url)
    }

    #[test]
    fn neither_password_nor_user_is_shown() {
        let url = "postgres://someone:pass%40word@db.example.org:6432/packages?application_name=x";
        let address = parse(url).unwrap();
        assert_eq!(
            address.shown(),
            Path::new("postgres://db.example.org:6432/packages")
        );
        let debugged = format!("{address:?}");
        assert!(
            !debugged.contains("word") && !debugged.contains("someone"),
            "{debugged}"
        );
    }

    #[test]
    fn what_leaves_this_machine_is_encrypted_unless_the_url_forbids_it() {
        for (url, expected) in [
            ("postgres://u@db.example.org/x", true),
            ("postgres://u@db.example.org/x?sslmode=disable", false),
            ("postgres://u@localhost/x", false),
            ("postgres://u@127.0.0.1:5433/x", false),
            ("postgres://u@localhost/x?sslmode=verify-full", true),
            ("postgres://u@localhost/x?sslrootcert=/ca.pem", true),
            ("postgres:///x?user=u&host=/var/run/postgresql", false),
            ("postgresql://u@10.0.0.1/x", true),
        ] {
            assert_eq!(parse(url).unwrap().is_encrypted, expected, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        for (url, expected) in [
            ("postgres://u:secret@h/x?sslmode=prefer", "`prefer`"),
            ("postgres://u:secret@h/x?sslmode=verify-ca", "`verify-ca`"),
            ("postgres://u:secret@h/x?sslcert=/a", "sslcert"),
            ("postgres://u:secret@h:port/x", "port"),
            ("postgres:///x?user=u", "names no host"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn url_that_may_show_part_of_a_password_is_refused_without_being_shown() {
        for (url, expected) in [
            ("postgres://u:pass@secret@127.0.0.1:1/x", "a host"),
            ("postgres://h/x&password=secret", "a database"),
            ("postgres://h/x;password=secret", "a database"),
            (
                "postgres://u@h/x?sslmode=disable;password=secret",
                "unknown `sslmode`",
            ),
            (
                "postgres://u@h/x?sslrootcert=/a;password=secret",
                "`sslrootcert`",
            ),
            ("postgres://u@h/x?password=ab&secret=1", "unknown parameter"),
            ("postgres://u@h/x?password=ab&secret", "unknown parameter"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let address = parse("postgres://u:pass%40secret@[::1]:7/x").unwrap();
        assert_eq!(address.shown(), Path::new("postgres://[::1]:7/x"));
    }
}
