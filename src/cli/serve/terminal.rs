//! What a person at a terminal is told: the line to hint, with a token that works.

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

/// The lines for the terminal; nothing where stderr is none.
pub(super) struct StartupHint {
    authorization: Option<String>,
    /// The password to log in with, if nobody but us knows it.
    made_up: Option<Secret>,
    edition: Edition,
    shown: bool,
}

impl StartupHint {
    pub(super) fn new(
        settings: &Settings,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<Self, CommandError> {
        let shown = io::stderr().is_terminal();
        let authorization = if shown && !settings.no_auth {
            Some(admin_token(keys, clock)?)
        } else {
            None
        };
        let made_up = settings.logins.as_ref().filter(|logins| logins.made_up);
        Ok(Self {
            authorization,
            made_up: made_up.map(|logins| logins.password.clone()),
            edition: settings.edition,
            shown,
        })
    }

    pub(super) fn show(&self, address: SocketAddr) {
        if !self.shown {
            return;
        }
        let header = self
            .authorization
            .as_ref()
            .map(|token| format!(" -H \"Authorization: bearer {token}\""))
            .unwrap_or_default();
        eprintln!("curl \"http://{address}/v3/packages?page=1&per_page=2\"{header}");
        if !self.edition.has_absolute_hrefs() {
            eprintln!("clients: --api current");
        }
        if let Some(password) = &self.made_up {
            let password = String::from_utf8_lossy(password.expose());
            eprintln!("login: admin or a seeded user, password {password}");
        }
    }
}

/// Writes an admin's token where a test suite finds it.
pub(super) fn write_admin_token(
    file: &Path,
    keys: &Keys,
    clock: &Clock,
) -> Result<(), CommandError> {
    let token = format!("{}\n", admin_token(keys, clock)?);
    write_private(file, token.as_bytes()).map_err(CommandError::Failed)
}

/// Long enough for a day at work; a server's end need not be its end, the key stays.
const TTL: Duration = Duration::from_secs(12 * 60 * 60);

fn admin_token(keys: &Keys, clock: &Clock) -> Result<String, CommandError> {
    let token = tokens::access(keys, clock, &Subject::admin(), &tokens::admin_scopes(), TTL)?;
    Ok(token.text)
}
