//! What `serve` shows to a person at a terminal: a `curl` command with a token that works, and the login's password.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::Settings;
use crate::auth::tokens::{self, Subject};
use crate::auth::{Keys, Secret};
use crate::cli::CommandError;
use crate::clock::Clock;
use crate::edition::Edition;
use crate::private_file::write_private;

/// How long an admin's token is valid: a working day. A server that is started again accepts it, as it keeps the key.
const ADMIN_TOKEN_TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// The lines that are shown once the server listens, if stderr is a terminal.
pub(super) struct StartupHint {
    is_terminal: bool,
    /// An admin's token, unless the server needs none.
    admin_token: Option<String>,
    /// The login's password, if it is random.
    random_password: Option<Secret>,
    edition: Edition,
}

impl StartupHint {
    /// Prepares the lines.
    pub(super) fn new(settings: &Settings, keys: &Keys) -> Result<Self, CommandError> {
        let is_terminal = io::stderr().is_terminal();
        let admin_token = if is_terminal && !settings.no_auth {
            Some(admin_token(keys, &settings.clock)?)
        } else {
            None
        };
        let random = settings.login.as_ref().filter(|login| login.is_random);
        Ok(Self {
            is_terminal,
            admin_token,
            random_password: random.map(|login| login.password.clone()),
            edition: settings.edition,
        })
    }

    /// Prints the lines for a server that listens on `address`.
    pub(super) fn show(&self, address: SocketAddr) {
        if !self.is_terminal {
            return;
        }
        let header = self
            .admin_token
            .as_ref()
            .map(|token| format!(" -H \"Authorization: bearer {token}\""))
            .unwrap_or_default();
        eprintln!("curl \"http://{address}/v3/packages?page=1&per_page=2\"{header}");
        if !self.edition.has_absolute_hrefs() {
            eprintln!("clients: --api current");
        }
        if let Some(password) = &self.random_password {
            let password = String::from_utf8_lossy(password.expose());
            eprintln!("login: admin or a seeded user, password {password}");
        }
    }
}

/// Writes an admin's token to a file that only its owner can read.
pub(super) fn write_admin_token(
    file: &Path,
    keys: &Keys,
    clock: &Clock,
) -> Result<(), CommandError> {
    let token = format!("{}\n", admin_token(keys, clock)?);
    write_private(file, token.as_bytes()).map_err(CommandError::Failed)
}

fn admin_token(keys: &Keys, clock: &Clock) -> Result<String, CommandError> {
    let (subject, scopes) = (Subject::admin(), tokens::admin_scopes());
    let token = tokens::access(keys, clock, &subject, &scopes, ADMIN_TOKEN_TTL)?;
    Ok(token.text)
}
