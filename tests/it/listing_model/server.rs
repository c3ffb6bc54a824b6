//! A server of the random data, and a token of each user.

use serde_json::Value;

use super::data::{Data, User};
use crate::support::{self, Connection, Response, WorkDir, get};

pub struct Server {
    pub is_current: bool,
    _program: support::Server,
    connection: Connection,
    tokens: Vec<String>,
    _dir: WorkDir,
}

fn token(dir: &WorkDir, user: &User, is_current: bool) -> String {
    // The edition 2015 does not know the other global scopes.
    let scope = user
        .scope
        .filter(|scope| is_current || scope.ends_with("admin"))
        .unwrap_or("cloud_controller.read");
    let token = dir.run_ok(&[
        "token",
        "--token-key",
        "tokensecret",
        "--ttl",
        "24h",
        "--user",
        &user.guid,
        "--scope",
        scope,
    ]);
    token.trim_end().to_owned()
}

impl Server {
    pub fn start(data: &Data, is_current: bool) -> Self {
        Self::start_in(WorkDir::new(), data, is_current)
    }

    /// Starts a server over the database of `dir`, which is made with the data.
    pub fn start_in(dir: WorkDir, data: &Data, is_current: bool) -> Self {
        dir.location()
            .create(|transaction| data.insert(transaction))
            .unwrap();
        let api = if is_current { "current" } else { "2015" };
        let program = dir.serve(&["--token-key", "tokensecret", "--api", api]);
        Self {
            is_current,
            connection: program.connect(),
            _program: program,
            tokens: data
                .users
                .iter()
                .map(|user| token(&dir, user, is_current))
                .collect(),
            _dir: dir,
        }
    }

    /// Sends `GET target` as that user. Returns the status and the document.
    pub fn get(&mut self, user: usize, target: &str) -> (u16, Value) {
        let response = self.response(user, target);
        (
            response.status,
            serde_json::from_str(&response.body).unwrap(),
        )
    }

    /// Sends `GET target` as that user. Returns the response as it is.
    pub fn response(&mut self, user: usize, target: &str) -> Response {
        self.connection.send(get(target, &self.tokens[user]));
        self.connection.read(false).expect("a response")
    }

    /// Returns the target of an href, which is absolute in `current` and relative in 2015.
    pub fn target(&self, href: &str) -> String {
        let target = if self.is_current {
            href.strip_prefix("http://example.org")
        } else {
            Some(href)
        };
        target.unwrap_or_else(|| panic!("{href}")).to_owned()
    }
}
