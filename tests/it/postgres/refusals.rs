//! Servers that refuse what the program needs, or make it wait.

use super::recovery::start;
use super::{run, serve};
use crate::support::WorkDir;
use crate::support::database::{Schema, server_or_skip};

/// A role that may only read the tables of a schema.
struct OnlyReader<'s> {
    schema: &'s Schema,
    name: String,
}

impl<'s> OnlyReader<'s> {
    fn new(schema: &'s Schema) -> Self {
        let name = format!("reader_{}", std::process::id());
        let sql = format!(
            "create role {name};
             do $$ begin
                 execute format('grant usage on schema %I to {name}', current_schema());
                 execute format('grant select on all tables in schema %I to {name}', current_schema());
             end $$"
        );
        schema.connect().batch_execute(&sql).expect("a role");
        Self { schema, name }
    }

    fn url(&self) -> String {
        format!("{}%20-crole%3D{}", self.schema.url(), self.name)
    }
}

impl Drop for OnlyReader<'_> {
    fn drop(&mut self) {
        let sql = format!("drop owned by {0}; drop role {0}", self.name);
        let _ = self.schema.connect().batch_execute(&sql);
    }
}

/// Returns what `seed example` over that database says, which fails.
fn refused_seed(folder: &WorkDir, url: &str) -> String {
    let output = folder.run(&["seed", "example", "--db", url]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    output.stderr
}

#[test]
fn database_whose_encoding_is_not_utf8_is_refused_by_name() {
    let Some(server) = server_or_skip("a database in another encoding") else {
        return;
    };
    let name = format!("latin_{}", std::process::id());
    let mut client = postgres::Client::connect(&server, postgres::NoTls).expect("a connection");
    client
        .batch_execute(&format!(
            "create database {name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"
        ))
        .expect("a database");
    let folder = WorkDir::of_files();
    let url = server.replace("/postgres", &format!("/{name}"));
    let refusals: Vec<_> = [
        &["seed", "example"][..],
        &["serve"],
        &["check"],
        &["export"],
    ]
    .iter()
    .map(|command| folder.run(&[command, &["--db", &url][..]].concat()))
    .collect();
    client
        .batch_execute(&format!("drop database {name}"))
        .expect("no database");
    for output in refusals {
        assert_eq!(output.status, 1, "{}", output.stderr);
        assert!(
            output
                .stderr
                .contains("its encoding is `LATIN1` and must be `UTF8`"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn search_path_without_a_schema_is_refused_with_advice() {
    let Some(server) = server_or_skip("a `search_path` without a schema") else {
        return;
    };
    let url = format!("{server}?options=-csearch_path%3Dnosuch");
    let stderr = refused_seed(&WorkDir::of_files(), &url);
    assert!(
        stderr.contains("`?options=-csearch_path%3DNAME`"),
        "{stderr}"
    );
    assert!(stderr.contains("none of the schemas"), "{stderr}");
}

#[test]
fn default_of_the_server_that_transactions_only_read_has_no_effect() {
    if server_or_skip("transactions that only read").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let url = format!("{}%20-cdefault_transaction_read_only%3Don", schema.url());
    run(&folder, &url, &["seed", "example"]);
    let seeded = run(&folder, &url, &["seed", "demo"]);
    assert!(seeded.contains("added"), "{seeded}");
}

#[test]
fn standby_as_the_database_takes_no_seed_and_is_called_a_standby() {
    let Some(server) = server_or_skip("a standby as `--db`") else {
        return;
    };
    let Ok(standby) = std::env::var("CF_PACKAGES_TEST_POSTGRES_REPLICA") else {
        eprintln!("skipped: a standby as `--db` needs a standby");
        return;
    };
    let stderr = refused_seed(&WorkDir::of_files(), &standby);
    assert!(stderr.contains("is a standby, or read-only"), "{stderr}");
    assert!(!stderr.contains("disk"), "{stderr}");
    assert_ne!(server, standby);
}

#[test]
fn change_without_the_right_to_write_is_503_and_its_cause_is_logged() {
    if server_or_skip("a role that only reads").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "demo"]);
    let reader = OnlyReader::new(&schema);
    let stderr = refused_seed(&folder, &reader.url());
    assert!(stderr.contains("permission denied for table"), "{stderr}");
    assert!(stderr.contains("grant its user all rights"), "{stderr}");
    let server = serve(&folder, &reader.url(), &["--no-auth"]);
    let page = server.get("/v3/packages?per_page=1", "");
    assert_eq!(page.status, 200, "{}", page.body);
    let page: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
    let guid = page["resources"][0]["guid"].as_str().expect("a guid");
    let response = server.send(format!(
        "DELETE /v3/packages/{guid} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    ));
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(
        response.body.contains("CF-ServiceUnavailable"),
        "{}",
        response.body
    );
    server.terminate();
    let (_, _, stderr) = server.wait();
    assert!(stderr.contains("a request failed: "), "{stderr}");
    assert!(stderr.contains("permission denied for table"), "{stderr}");
}

#[test]
fn tables_that_are_gone_while_a_server_runs_are_503_and_their_names_are_logged() {
    let Some(served) = start() else { return };
    assert_eq!(served.status("/v3/packages?per_page=1"), 200);
    let dropped = served
        .schema
        .connect()
        .batch_execute("drop table packages cascade");
    dropped.expect("no table");
    served.assert_unusable(&[
        "/v3/packages?per_page=1",
        "/v3/packages?per_page=2",
        "/healthz",
    ]);
    served.server.terminate();
    let (_, _, stderr) = served.server.wait();
    assert!(
        stderr.contains("relation \"packages\" does not exist"),
        "{stderr}"
    );
}

#[test]
fn requests_that_wait_for_the_lock_of_another_program_are_answered_that_the_database_is_busy() {
    let Some(served) = start() else { return };
    let page = "/v3/packages?per_page=1";
    // Cached from now on.
    for _ in 0..3 {
        assert_eq!(served.status(page), 200);
    }
    let mut other = served.schema.connect();
    other
        .batch_execute("begin; lock table packages in access exclusive mode")
        .expect("a lock");
    let busy = |(status, body): (u16, String)| {
        assert_eq!(status, 503, "{body}");
        assert!(body.contains("The database is busy, try again"), "{body}");
    };
    std::thread::scope(|scope| {
        for n in 0..12 {
            let served = &served;
            scope.spawn(move || {
                let target = match n % 3 {
                    0 => page.to_owned(),
                    1 => "/healthz".to_owned(),
                    _ => format!("/v3/packages?per_page=3&page={n}"),
                };
                let response = served.server.get(&target, &served.token);
                busy((response.status, response.body));
            });
        }
        let served = &served;
        scope.spawn(move || busy(served.create()));
    });
    other.batch_execute("rollback").expect("no lock");
    assert_eq!(served.status(page), 200);
    assert_eq!(served.status("/healthz"), 200);
    let (status, body) = served.create();
    assert_eq!(status, 201, "{body}");
}
