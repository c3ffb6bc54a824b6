//! What `serve` shows to a person at a terminal, and with `--demo` without one too: commands for the shell, and the login.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::Settings;
use super::admin_token::UnwrittenToken;
use super::flags::{Data, LoginSettings};
use crate::auth::Secret;
use crate::cli::CommandError;
use crate::edition::Edition;
use crate::server::Address;
use crate::store::{Snapshot, Store, StoreError};

/// The lines that are shown once the server listens. They fit into 60 columns, except the link to the page, and unless a guid
/// or the name of a file is longer than usual.
pub(super) struct StartupHint {
    is_shown: bool,
    demo: bool,
    /// Whether the data is a temporary copy of what the program carries.
    is_carried: bool,
    /// The file with an admin's token, unless the server needs none.
    token_file: Option<PathBuf>,
    /// What the link to the page ends with, if there is a page: the fragment with an admin's token, or nothing.
    page: Option<String>,
    login: Option<LoginHint>,
    edition: Edition,
    /// Paths of the API that show what is stored. Without packages there are none.
    paths: Vec<ShownPath>,
}

/// A path, and the variable of the shell that holds the guid in it.
struct ShownPath {
    guid: Option<(char, String)>,
    path: &'static str,
}

/// How a person logs in.
struct LoginHint {
    /// The password, unless the person chose it.
    random_password: Option<Secret>,
    /// The name of a user of the data.
    user: Option<String>,
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
        admin_token: Option<&UnwrittenToken>,
    ) -> Result<Self, CommandError> {
        let is_shown = settings.shows_hints;
        let edition = settings.edition;
        let (paths, user) = if is_shown {
            store
                .read_blocking(move |snapshot| {
                    Ok::<_, StoreError>((paths(snapshot, edition)?, first_user(snapshot)?))
                })
                .map_err(|error| error.at(store.path()))?
        } else {
            (Vec::new(), None)
        };
        let random_password =
            |login: &LoginSettings| login.is_random.then(|| login.password.clone());
        Ok(Self {
            is_shown,
            demo: settings.demo,
            is_carried: matches!(settings.data, Data::Carried),
            token_file: admin_token.map(|token| token.path().to_owned()),
            page: settings.ui.then(|| page(admin_token)),
            login: settings.login.as_ref().map(|login| LoginHint {
                random_password: random_password(login),
                user,
            }),
            edition,
            paths,
        })
    }

    /// Prints the lines for a server that listens on `address`.
    pub(super) fn show(&self, address: &Address) {
        if self.is_shown {
            let mut lines = String::new();
            self.write_to(&mut lines, address)
                .expect("a string takes all text");
            // The server serves also if nobody reads its messages.
            let _ = io::stderr().write_all(lines.as_bytes());
        }
    }

    fn write_to(&self, lines: &mut String, address: &Address) -> std::fmt::Result {
        if self.demo {
            writeln!(
                lines,
                "demo: the data is temporary;\n  Ctrl-C stops the server and removes it"
            )?;
        }
        if self.is_carried {
            writeln!(
                lines,
                "the data is a temporary copy;\n  `--db FILE` keeps it in a file"
            )?;
        }
        if self.paths.is_empty() {
            writeln!(
                lines,
                "no packages are stored;\n  `serve --seed demo` adds some,\n  `serve --demo` shows all"
            )?;
        }
        let (socket, url) = match address {
            Address::Tcp(_) => (String::new(), address.url()),
            Address::Unix(path) => {
                let path = shell_word(&path.to_string_lossy());
                (format!(" --unix-socket {path}"), "http://localhost".into())
            }
        };
        if let (Address::Tcp(_), Some(fragment)) = (address, &self.page) {
            writeln!(lines, "page: {url}/{fragment}")?;
        }
        writeln!(lines, "U={url}")?;
        let header = match &self.token_file {
            Some(file) => {
                let file = shell_word(&file.to_string_lossy());
                writeln!(lines, "T={file}")?;
                writeln!(lines, "H=\"Authorization: bearer $(cat \"$T\")\"")?;
                " -H \"$H\""
            }
            None => "",
        };
        writeln!(lines, "curl{socket}{header} \"$U/v3/packages?per_page=2\"")?;
        for ShownPath { guid, path } in &self.paths {
            if let Some((variable, guid)) = guid {
                writeln!(lines, "{variable}={guid}")?;
            }
            writeln!(lines, "curl{socket}{header} \"$U{path}\"")?;
        }
        if !self.edition.has_absolute_hrefs() {
            writeln!(lines, "edition: {}; clients: --api current", self.edition)?;
        }
        if let Some(login) = &self.login {
            login.write_to(lines, address, &url)?;
        }
        Ok(())
    }
}

impl LoginHint {
    fn write_to(&self, lines: &mut String, address: &Address, url: &str) -> std::fmt::Result {
        let password = self.random_password.as_ref();
        let password = password.map(|password| String::from_utf8_lossy(password.expose()));
        match (address, password) {
            (Address::Tcp(_), Some(password)) => {
                writeln!(lines, "cf login -a {url} -u admin -p {password}")?;
            }
            (Address::Tcp(_), None) => {
                writeln!(lines, "cf login -a {url} -u admin\n  with your password")?;
            }
            // cf cannot reach a Unix socket.
            (Address::Unix(_), Some(password)) => {
                writeln!(lines, "the user admin logs in with the password {password}")?;
            }
            (Address::Unix(_), None) => {}
        }
        if let Some(user) = &self.user {
            writeln!(lines, "  every user, such as {user}, has it too")?;
        }
        Ok(())
    }
}

/// Returns the fragment of the link to the page. A browser sends no fragment, so that no log and no proxy sees the token.
fn page(admin_token: Option<&UnwrittenToken>) -> String {
    admin_token.map_or_else(String::new, |token| format!("#token={}", token.token()))
}

/// Returns three paths about the first stored package, or none if nothing is stored.
fn paths(snapshot: &Snapshot<'_>, edition: Edition) -> Result<Vec<ShownPath>, StoreError> {
    let mut paths = Vec::new();
    snapshot.rows(
        "select p.guid, a.guid, s.guid from packages p join apps a on a.id = p.app_id join spaces s on s.id = p.space_id
         order by p.id limit 1",
        &[],
        |row| {
            let guid = |variable, column| {
                Ok::<_, StoreError>(Some((variable, shell_word(row.text(column)?))))
            };
            let mut add = |guid, path| paths.push(ShownPath { guid, path });
            add(guid('P', 0)?, "/v3/packages/$P");
            add(guid('A', 1)?, "/v3/apps/$A/packages");
            if edition.has_absolute_hrefs() {
                add(guid('S', 2)?, "/v3/packages?space_guids=$S");
            } else {
                add(None, "/v3/packages?page=2&per_page=1");
            }
            Ok::<_, StoreError>(())
        },
    )?;
    Ok(paths)
}

/// Returns the name of the first user, if one is stored.
fn first_user(snapshot: &Snapshot<'_>) -> Result<Option<String>, StoreError> {
    let mut user = None;
    snapshot.rows(
        "select name from users where name is not null order by id limit 1",
        &[],
        |row| {
            user = Some(row.text(0)?.to_owned());
            Ok::<_, StoreError>(())
        },
    )?;
    Ok(user)
}

/// Returns `text` as one word of a shell command.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
