//! The program itself, serving the data, and its callers' tokens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cf_packages::store::Store;
use serde_json::Value;

use super::data::Data;

pub(crate) struct Server {
    pub(crate) current: bool,
    child: Child,
    site: String,
    agent: ureq::Agent,
    tokens: Vec<String>,
    _folder: tempfile::TempDir,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cf-packages"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder);
    command
}

fn token(folder: &Path, user: &str, scope: Option<&str>) -> String {
    let mut command = command(folder);
    command.args([
        "token",
        "--token-key",
        "tokensecret",
        "--ttl",
        "24h",
        "--user",
        user,
    ]);
    command.args(["--scope", scope.unwrap_or("cloud_controller.read")]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Server {
    pub(crate) fn start(data: &Data, current: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Store::create(&folder.path().join("packages.db"), |db| data.fill(db)).unwrap();
        let user = |user: &super::data::User| {
            // In 2015 the scope alone reads nothing.
            let scope = user
                .scope
                .filter(|scope| current || scope.ends_with("admin"));
            token(folder.path(), &user.guid, scope)
        };
        let tokens = data.users.iter().map(user).collect();
        let mut child = command(folder.path())
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--token-key",
                "tokensecret",
            ])
            .args(["--api", if current { "current" } else { "2015" }])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let site = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            current,
            child,
            site,
            agent,
            tokens,
            _folder: folder,
        }
    }

    pub(crate) fn get(&self, user: usize, target: &str) -> (u16, Value) {
        let mut answer = self
            .agent
            .get(format!("{}{target}", self.site))
            .header("Authorization", format!("bearer {}", self.tokens[user]))
            .call()
            .unwrap();
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec()
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// What a link asks for: with its site today, without in 2015.
    pub(crate) fn target(&self, href: &str) -> String {
        let target = if self.current {
            href.strip_prefix(&self.site)
        } else {
            Some(href)
        };
        target.unwrap_or_else(|| panic!("{href}")).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
