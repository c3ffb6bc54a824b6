//! Requests that change something, as a client sees them.

mod access;
mod copying;
mod creating_2015;
mod creating_current;
mod deleting;
mod links;
mod processing;
mod staging_2015;
mod staging_current;
mod updating;

use serde_json::{Value, json};

use crate::support::{Response, Server, WorkDir};

/// Two organizations, one of them suspended; apps of each lifecycle; a user for each kind of role.
const SEED: &str = r#"{
  "organizations": [{"name": "acme"}, {"name": "frozen", "suspended": true}],
  "spaces": [{"name": "dev", "organization": "acme"}, {"name": "prod", "organization": "acme"},
             {"name": "ice", "organization": "frozen"}],
  "apps": [{"guid": "shop", "name": "shop", "space": "dev"}, {"guid": "cart", "name": "cart", "space": "dev"},
           {"guid": "image", "name": "image", "space": "dev", "lifecycle": "docker"},
           {"guid": "native", "name": "native", "space": "dev", "lifecycle": "cnb"},
           {"guid": "live", "name": "live", "space": "prod"},
           {"guid": "cold", "name": "cold", "space": "ice"}],
  "users": [
    {"guid": "dev", "roles": [{"role": "space_developer", "space": "dev"},
                              {"role": "space_auditor", "space": "prod"},
                              {"role": "space_developer", "space": "ice"}]},
    {"guid": "auditor", "roles": [{"role": "space_auditor", "space": "dev"}]},
    {"guid": "manager", "roles": [{"role": "organization_manager", "organization": "acme"}]},
    {"guid": "nobody"}],
  "packages": [
    {"guid": "waiting", "app": "shop", "type": "bits"},
    {"guid": "ready", "app": "shop", "type": "bits", "state": "READY",
     "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
     "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"guid": "docker", "app": "image", "type": "docker", "image": "registry/image:1", "store_image": true,
     "credentials": {"user": "u", "password": "p", "email": "e", "login_server": "s"}},
    {"guid": "of-live", "app": "live", "type": "bits"},
    {"guid": "of-cold", "app": "cold", "type": "bits"}]
}"#;

/// A server with the data above.
struct Changed {
    dir: WorkDir,
    server: Server,
}

impl Changed {
    fn serve(flags: &[&str]) -> Self {
        Self::serve_in(WorkDir::new(), flags)
    }

    fn serve_in(dir: WorkDir, flags: &[&str]) -> Self {
        dir.write("seed.json", SEED);
        let seed = ["--seed", "seed.json", "--token-key", "key"];
        let server = dir.serve(&[&seed, flags].concat());
        Self { dir, server }
    }

    fn current(flags: &[&str]) -> Self {
        Self::serve(&[&["--api", "current"], flags].concat())
    }

    /// Returns a token of a user, or of an admin if there is no user.
    fn token(&self, user: &str) -> String {
        self.token_with(user, &[])
    }

    fn token_with(&self, user: &str, flags: &[&str]) -> String {
        let who = match user {
            "admin" => vec!["--admin"],
            user => vec!["--user", user],
        };
        let key = ["token", "--token-key", "key"];
        let token = self.dir.run_ok(&[&key, &who[..], flags].concat());
        token.trim_end().to_owned()
    }

    /// Sends a request of an admin.
    fn send(&self, method: &str, target: &str, body: &str) -> Response {
        self.send_as("admin", method, target, body)
    }

    fn send_as(&self, user: &str, method: &str, target: &str, body: &str) -> Response {
        self.send_with(&self.token(user), method, target, body)
    }

    fn send_with(&self, token: &str, method: &str, target: &str, body: &str) -> Response {
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: bearer {token}\r\n"),
        };
        self.server.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: example.org\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Returns the package as an admin sees it.
    fn package(&self, guid: &str) -> Value {
        let answer = self.send("GET", &format!("/v3/packages/{guid}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        document(&answer)
    }

    /// Returns how many packages there are.
    fn total(&self) -> u64 {
        let answer = self.send("GET", "/v3/packages?per_page=1", "");
        document(&answer)["pagination"]["total_results"]
            .as_u64()
            .expect("a number")
    }
}

fn document(answer: &Response) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("not JSON: {}", answer.body))
}

/// Returns status, code and text of an error of either edition.
fn error(answer: &Response) -> (u16, u64, String) {
    let document = document(answer);
    let (code, text) = match &document["errors"][0] {
        Value::Null => (&document["code"], &document["description"]),
        error => (&error["code"], &error["detail"]),
    };
    let text = text.as_str().expect("a text").to_owned();
    (answer.status, code.as_u64().expect("a code"), text)
}

fn unprocessable(text: &str) -> (u16, u64, String) {
    (422, 10008, text.to_owned())
}

fn not_found(text: &str) -> (u16, u64, String) {
    (404, 10010, text.to_owned())
}

fn not_authorized() -> (u16, u64, String) {
    let text = "You are not authorized to perform the requested action";
    (403, 10003, text.into())
}

fn suspended() -> (u16, u64, String) {
    (403, 10017, "The organization is suspended".into())
}

/// Returns the body of a request of `current` for bits of an app.
fn bits_of(app: &str) -> String {
    json!({"type": "bits", "relationships": {"app": {"data": {"guid": app}}}}).to_string()
}
