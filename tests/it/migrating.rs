//! Files of earlier schemas. `tests/fixtures/schema-N.db` was made by the first release with schema N, and
//! `schema-N.export.json` is what that release exported from it.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Server, WorkDir};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A folder with a copy of the file of schema 1, as `f`.
fn bench_with_schema_1() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("f", schema_1());
    dir
}

fn schema_1() -> Vec<u8> {
    std::fs::read(fixture("schema-1.db")).expect("the fixture")
}

fn exported_by_0_1_0() -> String {
    std::fs::read_to_string(fixture("schema-1.export.json")).expect("the fixture")
}

/// Changes `f` before it is migrated.
fn execute(dir: &WorkDir, sql: &str) {
    let connection = Connection::open(dir.path("f")).expect("opens");
    connection.execute_batch(sql).expect(sql);
    connection.close().expect("closes");
    assert_eq!(dir.file_names(), ["f"]);
}

/// Everything in the folder, by name.
fn files(dir: &WorkDir) -> BTreeMap<String, Vec<u8>> {
    let names = dir.file_names().into_iter();
    names.map(|name| (name.clone(), dir.read(&name))).collect()
}

/// Runs the command, which must fail with this sentence, and change nothing.
fn assert_refused(dir: &WorkDir, arguments: &[&str], sentence: &str) {
    let before = files(dir);
    let ran = dir.run(arguments);
    assert_eq!(
        (ran.status, ran.stderr),
        (1, format!("cf-packages: {sentence}\n")),
        "{arguments:?}"
    );
    assert!(
        files(dir) == before,
        "{arguments:?}: {:?}",
        dir.file_names()
    );
}

/// Runs `seed example`, which changes no data of the fixture.
fn migrate(dir: &WorkDir) {
    let ran = dir.run(&["seed", "example", "--db", "f"]);
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (
            0,
            "cf-packages: `f` was migrated from schema 1 to 5; the former file is kept as `f.before-1`\n"
        )
    );
}

/// Serves `f` and stops at once. Returns what the server logged.
fn serve(dir: &WorkDir) -> String {
    let arguments = [
        "serve",
        "--db",
        "f",
        "--listen",
        "127.0.0.1:0",
        "--exit-with-stdin",
    ];
    let ran = dir.run(&arguments);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran.stderr
}

fn ids(file: &Path) -> Vec<(i64, String)> {
    let connection = Connection::open(file).expect("opens");
    let mut statement = connection
        .prepare("select id, guid from packages union all select id, guid from apps order by guid")
        .expect("a statement");
    let ids = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows");
    ids.map(|id| id.expect("a row")).collect()
}

#[test]
fn migration_keeps_the_data_and_a_copy_of_the_file() {
    for (version, by_server) in [
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (3, false),
        (3, true),
    ] {
        let fixture_db =
            std::fs::read(fixture(&format!("schema-{version}.db"))).expect("the fixture");
        let exported = std::fs::read_to_string(fixture(&format!("schema-{version}.export.json")))
            .expect("the fixture");
        let dir = WorkDir::new();
        dir.write("f", &fixture_db);
        let before = ids(&dir.path("f"));
        let copy = format!("f.before-{version}");
        let sentence = format!(
            "`f` was migrated from schema {version} to 5; the former file is kept as `f.before-{version}`"
        );
        let log = if by_server {
            serve(&dir)
        } else {
            dir.run(&["seed", "example", "--db", "f"]).stderr
        };
        assert!(log.contains(&sentence), "{log}");
        assert_eq!(dir.file_names(), ["f".to_owned(), copy.clone()]);
        assert!(dir.read(&copy) == fixture_db);
        let mode = std::fs::metadata(dir.path(&copy))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(ids(&dir.path("f")), before);
        assert_eq!(dir.run_ok(&["export", "--db", "f"]), exported);
        let report = dir.run_ok(&["check", "--db", "f"]);
        assert!(
            report.contains("`f`: schema 5, 6 packages") && report.contains("no fault"),
            "{report}"
        );
        // The copy opens as the file did, and the migrated file is not migrated again.
        let migrated = dir.read("f");
        assert_eq!(serve(&dir), "");
        assert!(dir.read("f") == migrated);
        assert_eq!(dir.file_names(), ["f".to_owned(), copy.clone()]);
    }
}

#[test]
fn migrated_file_accepts_tokens_that_were_made_before() {
    let key = |dir: &WorkDir| -> Vec<u8> {
        let connection = Connection::open(dir.path("f")).expect("opens");
        connection
            .query_row("select secret from token_keys", [], |row| row.get(0))
            .expect("a key")
    };
    let dir = bench_with_schema_1();
    let before = key(&dir);
    migrate(&dir);
    assert_eq!(key(&dir), before);
}

#[test]
fn ids_of_deleted_packages_are_not_used_again_after_a_migration() {
    let dir = bench_with_schema_1();
    execute(
        &dir,
        "pragma foreign_keys = on; delete from packages where id >= 5",
    );
    dir.write(
        "new.json",
        r#"{"packages": [{"guid": "new", "app": "my-app", "type": "bits"}]}"#,
    );
    assert_eq!(dir.run(&["seed", "new.json", "--db", "f"]).status, 0);
    assert!(ids(&dir.path("f")).contains(&(7, "new".into())));
    // Also where no package is left.
    let dir = bench_with_schema_1();
    execute(&dir, "pragma foreign_keys = on; delete from packages");
    dir.write(
        "new.json",
        r#"{"packages": [{"guid": "new", "app": "my-app", "type": "bits"}]}"#,
    );
    assert_eq!(dir.run(&["seed", "new.json", "--db", "f"]).status, 0);
    assert!(ids(&dir.path("f")).contains(&(7, "new".into())));
}

const ADVICE: &str = "`f` has schema 1, and this program needs 5; `cf-packages serve` or `seed` migrates it and keeps the present file as `f.before-1`";

#[test]
fn commands_that_only_read_refuse_an_older_file_with_advice() {
    let dir = bench_with_schema_1();
    for arguments in [
        &["export", "--db", "f"][..],
        &["get", "/v3/packages", "--admin", "--db", "f"],
        &["token", "--admin", "--db", "f"],
        &["serve", "--read-only", "--db", "f"],
        &["seed", "example", "--dry-run", "--db", "f"],
    ] {
        assert_refused(&dir, arguments, ADVICE);
    }
    let before = files(&dir);
    let ran = dir.run(&["check", "--db", "f"]);
    assert_eq!(
        (ran.status, ran.stderr),
        (1, format!("cf-packages: {ADVICE}\n"))
    );
    assert!(
        ran.stdout.ends_with("\n`f`: schema 1, 6 packages\n"),
        "{}",
        ran.stdout
    );
    assert!(files(&dir) == before);
}

#[test]
fn ephemeral_server_migrates_its_own_copy() {
    let dir = bench_with_schema_1();
    let server = dir.serve(&["--ephemeral", "--from", "f", "--no-auth"]);
    let list = server.get("/v3/packages", "");
    assert!(list.body.contains("\"total_results\": 6"), "{}", list.body);
    server.stop();
    assert_eq!(dir.file_names(), ["f"]);
    assert!(dir.read("f") == schema_1());
}

#[test]
fn file_that_does_not_fit_the_next_schema_is_refused_and_unchanged() {
    let advice = "correct that with the release that made it, or restore the file from an export";
    for (sql, sentence) in [
        (
            "update packages set labels = '{' where guid in ('labelled', 'docker')",
            format!("`f` cannot be migrated from schema 1: the labels or annotations of the package `labelled` are not JSON; {advice}"),
        ),
        (
            "update packages set annotations = 'x' where guid = 'docker'",
            format!("`f` cannot be migrated from schema 1: the labels or annotations of the package `docker` are not JSON; {advice}"),
        ),
        (
            "pragma foreign_keys = off; update packages set app_id = 77 where guid = 'docker'",
            format!("`f` cannot be migrated from schema 1: a row in `packages` refers to nothing in `apps`; {advice}"),
        ),
        (
            "create trigger evil after insert on packages begin delete from packages; end",
            "`f` cannot be migrated from schema 1: it has a trigger `evil` that is not ours; `cf-packages check` names every difference".into(),
        ),
        // The schema of its own version is what counts, not the current one.
        (
            "create trigger space_roles_updated after update on space_roles begin update versions set access = access + 1; end",
            "`f` cannot be migrated from schema 1: it has a trigger `space_roles_updated` that is not ours; `cf-packages check` names every difference".into(),
        ),
    ] {
        let dir = bench_with_schema_1();
        execute(&dir, sql);
        for arguments in [
            &["seed", "example", "--db", "f"][..],
            &["serve", "--db", "f", "--listen", "127.0.0.1:0"],
        ] {
            assert_refused(&dir, arguments, &sentence);
        }
    }
}

#[test]
fn copy_is_never_overwritten() {
    // As a migration leaves it that was killed.
    let dir = bench_with_schema_1();
    dir.write("f.before-1", schema_1());
    dir.write("f.before-1.new", "half of a copy");
    migrate(&dir);
    assert!(dir.read("f.before-1") == schema_1());
    assert_eq!(dir.file_names(), ["f", "f.before-1"]);

    let mut almost = schema_1();
    *almost.last_mut().expect("a byte") ^= 1;
    for other in [almost, b"another file".to_vec(), Vec::new()] {
        let dir = bench_with_schema_1();
        dir.write("f.before-1", other);
        assert_refused(
            &dir,
            &["seed", "example", "--db", "f"],
            "`f.before-1` already exists, and the migration needs this name for a copy of the database; move the file to another place",
        );
    }
    let dir = bench_with_schema_1();
    std::fs::create_dir(dir.path("f.before-1")).expect("a folder");
    let ran = dir.run(&["seed", "example", "--db", "f"]);
    assert_eq!(ran.status, 1);
    assert!(dir.read("f") == schema_1());
}

#[test]
fn copy_holds_what_lies_in_the_write_ahead_log() {
    // As a program leaves it that was killed: the last commit is only in the log.
    let written = bench_with_schema_1();
    let connection = Connection::open(written.path("f")).expect("opens");
    connection
        .execute_batch("pragma wal_autocheckpoint = 0; update packages set error = 'late' where guid = 'labelled'")
        .expect("an update");
    let dir = WorkDir::new();
    dir.write("f", written.read("f"));
    dir.write("f-wal", written.read("f-wal"));
    drop(connection);
    assert!(dir.read("f") == schema_1() && !dir.read("f-wal").is_empty());

    migrate(&dir);
    assert_eq!(dir.file_names(), ["f", "f.before-1"]);
    for file in ["f", "f.before-1"] {
        let connection = Connection::open(dir.path(file)).expect("opens");
        let late: i64 = connection
            .query_row(
                "select count(*) from packages where error = 'late'",
                [],
                |row| row.get(0),
            )
            .expect("a count");
        assert_eq!(late, 1, "{file}");
    }
}

#[test]
fn refused_file_keeps_its_write_ahead_log() {
    let written = bench_with_schema_1();
    let connection = Connection::open(written.path("f")).expect("opens");
    connection
        .execute_batch("pragma wal_autocheckpoint = 0; update packages set labels = '{' where guid = 'labelled'")
        .expect("an update");
    let dir = WorkDir::new();
    dir.write("f", written.read("f"));
    dir.write("f-wal", written.read("f-wal"));
    drop(connection);
    assert_refused(
        &dir,
        &["seed", "example", "--db", "f"],
        "`f` cannot be migrated from schema 1: the labels or annotations of the package `labelled` are not JSON; correct that with the release that made it, or restore the file from an export",
    );
}

#[test]
fn copy_lies_beside_the_file_that_a_link_leads_to() {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    std::fs::write(dir.path("folder/f"), schema_1()).expect("a file");
    symlink("folder/f", dir.path("link")).expect("a link");
    assert_eq!(dir.run(&["seed", "example", "--db", "link"]).status, 0);
    assert_eq!(dir.file_names(), ["folder", "link"]);
    assert!(dir.read("folder/f.before-1") == schema_1());
    assert_eq!(dir.run_ok(&["export", "--db", "link"]), exported_by_0_1_0());
}

#[test]
fn file_that_another_program_has_open_is_not_migrated() {
    let dir = bench_with_schema_1();
    let other = Connection::open(dir.path("f")).expect("opens");
    other
        .query_row("select count(*) from packages", [], |_| Ok(()))
        .expect("a read");
    let ran = dir.run(&["seed", "example", "--db", "f"]);
    assert_eq!(
        (ran.status, ran.stderr.as_str()),
        (
            1,
            "cf-packages: `f` is kept locked by another program; end it, or wait and try again\n"
        )
    );
    assert!(dir.read("f") == schema_1());
    drop(other);
    assert_eq!(dir.file_names(), ["f"]);
    migrate(&dir);
}

#[test]
fn only_one_of_several_programs_migrates_a_file() {
    for _ in 0..3 {
        let dir = bench_with_schema_1();
        let messages: usize = std::thread::scope(|scope| {
            let runs = [true, false, true, false, true, false].map(|by_server| {
                let dir = &dir;
                scope.spawn(move || {
                    if by_server {
                        serve(dir)
                    } else {
                        let ran = dir.run(&["seed", "example", "--db", "f"]);
                        assert_eq!(ran.status, 0, "{}", ran.stderr);
                        ran.stderr
                    }
                })
            });
            let said = runs.map(|run| run.join().expect("ran"));
            said.iter()
                .map(|text| text.matches("was migrated").count())
                .sum()
        });
        assert_eq!(messages, 1);
        assert_eq!(dir.file_names(), ["f", "f.before-1"]);
        assert!(dir.read("f.before-1") == schema_1());
        assert_eq!(dir.run_ok(&["export", "--db", "f"]), exported_by_0_1_0());
    }
}

#[test]
fn kill_during_a_migration_leaves_the_old_file_or_the_new_one() {
    let large = bench_with_schema_1();
    execute(
        &large,
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 60000)
         insert into packages (guid, app_id, space_id, type, state, created_at)
         select 'package-' || n, 1, 1, 'bits', 'READY', n from n",
    );
    let old = large.read("f");
    let mut killed_before_the_end = 0;
    for wait in [0, 10, 50, 100, 200, 400] {
        let dir = WorkDir::new();
        dir.write("f", &old);
        let mut seed = dir
            .command()
            .args(["seed", "example", "--db", "f"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        // The copy is made just before the migration begins.
        let begin = Instant::now();
        while !dir.path("f.before-1").exists() {
            assert!(begin.elapsed() < Duration::from_secs(60), "no copy");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait));
        seed.kill().expect("killed");
        seed.wait().expect("ended");
        assert!(dir.read("f.before-1") == old);
        if dir.read("f") == old {
            killed_before_the_end += 1;
        }
        assert_eq!(dir.run(&["seed", "example", "--db", "f"]).status, 0);
        assert_eq!(dir.file_names(), ["f", "f.before-1"]);
        assert!(dir.read("f.before-1") == old);
        let report = dir.run_ok(&["check", "--db", "f"]);
        assert!(
            report.contains("schema 5, 60006 packages") && report.contains("no fault"),
            "{report}"
        );
    }
    assert!(killed_before_the_end > 0, "each kill came too late");
}

#[test]
fn running_server_notices_changes_of_roles_and_users_by_other_programs() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--db", "f", "--seed", "example"]);
    let token = dir.run_ok(&["token", "--user", "uaa-id-463", "--db", "f"]);
    let visible = |server: &Server| {
        // The second answer comes from the caches.
        let [first, second] = [(); 2].map(|()| server.get("/v3/packages", token.trim()).body);
        assert_eq!(first, second);
        let document: serde_json::Value = serde_json::from_str(&first).expect("JSON");
        document["pagination"]["total_results"]
            .as_u64()
            .expect("a number")
    };
    let change = |sql: &str| {
        let changed = Command::new(std::env::current_exe().expect("a path"))
            .args(["migrating::another_program", "--exact", "--ignored"])
            .env(FILE, dir.path("f"))
            .env(SQL, sql)
            .output()
            .expect("runs");
        assert!(changed.status.success(), "{sql}");
    };
    assert_eq!(visible(&server), 3);
    // The role of a supporter does not show packages in the edition 2015.
    change("update space_roles set role = 'space_supporter'");
    assert_eq!(visible(&server), 0);
    change("update organization_roles set role = 'organization_manager'");
    assert_eq!(visible(&server), 3);
    change("update users set guid = 'another'");
    assert_eq!(visible(&server), 0);
    change("update users set guid = 'uaa-id-463'");
    assert_eq!(visible(&server), 3);
    change("pragma foreign_keys = off; delete from users");
    assert_eq!(visible(&server), 0);
    server.stop();
}

const FILE: &str = "CF_PACKAGES_MIGRATING_FILE";
const SQL: &str = "CF_PACKAGES_MIGRATING_SQL";

#[test]
#[ignore = "the other program of the test above"]
fn another_program() {
    let (Some(file), Ok(sql)) = (std::env::var_os(FILE), std::env::var(SQL)) else {
        return;
    };
    let connection = Connection::open(file).expect("opens");
    connection.execute_batch(&sql).expect("runs");
}
