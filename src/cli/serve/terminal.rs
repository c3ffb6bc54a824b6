//! What `serve` shows to a person at a terminal: commands for the shell, and the login's password.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use super::Settings;
use super::admin_token::AdminTokenFile;
use crate::auth::Secret;
use crate::cli::CommandError;
use crate::edition::Edition;
use crate::server::Address;
use crate::store::{Snapshot, Store, StoreError};

/// The lines that are shown once the server listens, if stderr is a terminal.
pub(super) struct StartupHint {
    is_terminal: bool,
    /// The file with an admin's token, unless the server needs none.
    token_file: Option<PathBuf>,
    /// The login's password, if it is random.
    random_password: Option<Secret>,
    edition: Edition,
    /// Paths of the API that show what is stored. Without packages there are none.
    paths: Vec<String>,
}

impl StartupHint {
    /// Prepares the lines.
    ///
    /// # Errors
    ///
    /// Fails if the data cannot be read.
    pub(super) fn new(
        settings: &Settings,
        store: &Store,
        token_file: Option<&AdminTokenFile>,
    ) -> Result<Self, CommandError> {
        let is_terminal = is_terminal();
        let edition = settings.edition;
        let paths = if is_terminal {
            store
                .read_blocking(move |snapshot| paths(snapshot, edition))
                .map_err(|error| error.at(store.path()))?
        } else {
            Vec::new()
        };
        let random = settings.login.as_ref().filter(|login| login.is_random);
        Ok(Self {
            is_terminal,
            token_file: token_file.map(|file| file.path().to_owned()),
            random_password: random.map(|login| login.password.clone()),
            edition,
            paths,
        })
    }

    /// Prints the lines for a server that listens on `address`.
    pub(super) fn show(&self, address: &Address) {
        if !self.is_terminal {
            return;
        }
        if self.paths.is_empty() {
            eprintln!("no packages are stored; `serve --ephemeral --seed demo` shows some");
        }
        let header = match &self.token_file {
            Some(file) => {
                eprintln!("T=$(cat {})", shell_word(&file.to_string_lossy()));
                " -H \"Authorization: bearer $T\""
            }
            None => "",
        };
        let (socket, url) = match address {
            Address::Tcp(_) => (String::new(), address.url()),
            Address::Unix(path) => {
                let path = shell_word(&path.to_string_lossy());
                (format!(" --unix-socket {path}"), "http://localhost".into())
            }
        };
        eprintln!("curl{socket}{header} \"{url}/v3/packages?per_page=2\"");
        for path in &self.paths {
            eprintln!("  also: {url}{path}");
        }
        if !self.edition.has_absolute_hrefs() {
            eprintln!("clients: --api current");
        }
        if let Some(password) = &self.random_password {
            let password = String::from_utf8_lossy(password.expose());
            match address {
                Address::Tcp(_) => eprintln!("cf login -a {url} -u admin -p {password}"),
                Address::Unix(_) => {
                    eprintln!("the user admin logs in with the password {password}")
                }
            }
            eprintln!("  each seeded user logs in with this password too");
        }
    }
}

/// Whether somebody reads the messages.
pub(super) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Returns three paths about the first stored package, or none if nothing is stored.
fn paths(snapshot: &Snapshot<'_>, edition: Edition) -> Result<Vec<String>, StoreError> {
    let mut paths = Vec::new();
    snapshot.rows(
        "select p.guid, a.guid, s.guid from packages p join apps a on a.id = p.app_id join spaces s on s.id = p.space_id
         order by p.id limit 1",
        &[],
        |row| {
            let (package, app, space) = (row.text(0)?, row.text(1)?, row.text(2)?);
            paths.push(format!("/v3/packages/{package}"));
            paths.push(format!("/v3/apps/{app}/packages"));
            paths.push(if edition.has_absolute_hrefs() {
                format!("/v3/packages?space_guids={space}&order_by=-created_at")
            } else {
                "/v3/packages?page=2&per_page=1".to_owned()
            });
            Ok::<_, StoreError>(())
        },
    )?;
    Ok(paths)
}

/// Returns `text` as one word of a shell command.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
