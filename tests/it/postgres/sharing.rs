//! Two servers over one database: after a commit that one of them has answered, the other one shows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{CLOCK, run, serve};
use crate::support::database::{Schema, server_or_skip};
use crate::support::random::{Random, Rounds};
use crate::support::{Connection, WorkDir, get};

/// A server and a connection to it.
struct Client {
    connection: Connection,
    token: String,
}

impl Client {
    fn send(&mut self, method: &str, target: &str, body: &str) -> (u16, String) {
        self.connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        ));
        let response = self.connection.read(false).expect("a response");
        (response.status, response.body)
    }

    fn page(&mut self, target: &str) -> Value {
        self.connection.send(get(target, &self.token));
        let response = self.connection.read(false).expect("a response");
        assert_eq!(response.status, 200, "{}", response.body);
        serde_json::from_str(&response.body).expect("JSON")
    }
}

fn guids(page: &Value) -> BTreeSet<String> {
    let resources = page["resources"].as_array().expect("resources");
    let guid = |one: &Value| one["guid"].as_str().expect("a guid").to_owned();
    resources.iter().map(guid).collect()
}

/// The pages that are asked for again and again, so that they are cached.
const PAGES: [&str; 4] = [
    "/v3/packages?per_page=5000",
    "/v3/packages?per_page=5000&order_by=-created_at",
    "/v3/packages?per_page=5000&types=bits,docker",
    "/v3/packages?per_page=5000&label_selector=shown",
];

#[test]
fn no_page_is_older_than_a_commit_that_another_server_has_answered() {
    if server_or_skip("two servers").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "demo", "--clock", CLOCK]);
    let servers = [(); 2].map(|()| serve(&folder, schema.url(), &[]));
    let token = run(&folder, schema.url(), &["token", "--admin"]);
    let mut clients = servers.each_ref().map(|server| Client {
        connection: server.connect(),
        token: token.trim_end().to_owned(),
    });
    let apps = clients[0].page("/v3/apps?per_page=50&lifecycle_type=buildpack");
    let apps: Vec<String> = guids(&apps).into_iter().collect();
    assert!(!apps.is_empty());
    // What the pages show after the last commit.
    let mut expected = guids(&clients[0].page(PAGES[0]));
    let labelled = &mut BTreeSet::new();
    let rounds = Rounds::from_environment(7, 1_000);
    let mut random = Random(rounds.seed);
    let (mut stale, mut control) = (0, 0);
    for round in 0..rounds.count {
        let (writer, reader) = (random.below(2), random.below(2));
        let page = PAGES[random.below(PAGES.len())];
        let shown = |expected: &BTreeSet<String>, labelled: &BTreeSet<String>| {
            if page.ends_with("=shown") {
                labelled.clone()
            } else {
                expected.clone()
            }
        };
        // Read before the commit, and judged after it: the control, which must find it old.
        let before = guids(&clients[reader].page(page));
        if random.one_in(3) && expected.len() > 3 {
            let guid = random
                .choose(&expected.iter().collect::<Vec<_>>())
                .to_string();
            let (status, body) =
                clients[writer].send("DELETE", &format!("/v3/packages/{guid}"), "");
            assert_eq!(status, 202, "{body}");
            expected.remove(&guid);
            labelled.remove(&guid);
        } else {
            let body = json!({
                "type": "bits",
                "relationships": {"app": {"data": {"guid": random.choose(&apps)}}},
                "metadata": {"labels": {"shown": format!("r{round}")}},
            });
            let (status, body) = clients[writer].send("POST", "/v3/packages", &body.to_string());
            assert_eq!(status, 201, "{body}");
            let created: Value = serde_json::from_str(&body).expect("JSON");
            let guid = created["guid"].as_str().expect("a guid").to_owned();
            labelled.insert(guid.clone());
            expected.insert(guid);
        }
        let now = shown(&expected, labelled);
        control += u64::from(before != now);
        stale += u64::from(guids(&clients[reader].page(page)) != now);
    }
    assert_eq!(stale, 0, "of {} pages", rounds.count);
    assert!(
        control > rounds.count / 2,
        "only {control} pages from before a commit were found old"
    );
    drop(servers);
    let checked = run(&folder, schema.url(), &["check"]);
    assert!(checked.contains("no fault"), "{checked}");
}

#[test]
fn servers_that_start_at_once_make_the_tables_once() {
    if server_or_skip("several first starts").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let mut program = crate::support::command(&folder.path(""));
            program
                .args(["seed", "example", "--clock", CLOCK])
                .env("CF_PACKAGES_DB", schema.url())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped());
            program.spawn().expect("the program starts")
        })
        .collect();
    let mut added = 0;
    for start in starts {
        let output = start.wait_with_output().expect("the program ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        added += usize::from(report.contains("added"));
    }
    assert!(added >= 1);
    let file = folder.path("one.db");
    let file = file.to_str().expect("UTF-8");
    run(&folder, file, &["seed", "example", "--clock", CLOCK]);
    assert_eq!(
        run(&folder, schema.url(), &["export"]),
        run(&folder, file, &["export"])
    );
}
