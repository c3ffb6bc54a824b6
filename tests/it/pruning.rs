//! `cf-packages seed --prune`: the database holds exactly what the seeds say.

use crate::support::{Output, WorkDir};

const HOUSE: &str = r#""organizations": [{"name": "acme"}], "spaces": [{"name": "dev", "organization": "acme"}],
    "apps": [{"name": "shop", "space": "dev"}]"#;
const CLOCK: &str = "2026-01-02T03:04:05Z";

fn seed_with(dir: &WorkDir, flags: &[&str], seed: &str) -> Output {
    let mut arguments = vec!["seed", "-", "--clock", CLOCK];
    arguments.extend(flags);
    dir.run_with(&arguments, seed.as_bytes())
}

fn seeded(dir: &WorkDir, flags: &[&str], seed: &str) -> String {
    let output = seed_with(dir, flags, seed);
    assert_eq!((output.status, &*output.stderr), (0, ""), "{seed}");
    output.stdout
}

fn house(rest: &str) -> String {
    format!("{{{HOUSE}, {rest}}}")
}

/// Returns what an empty database holds after the seed.
fn export_of(seed: &str) -> String {
    let dir = WorkDir::new();
    seeded(&dir, &[], seed);
    dir.run_ok(&["export"])
}

#[test]
fn entries_that_the_seed_does_not_name_are_removed_and_counted() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo", "--clock", CLOCK]);
    let seed = house(
        r#""users": [{"name": "alice", "roles": [{"role": "space_developer", "space": "dev"}]}],
           "packages": [{"app": "shop", "type": "bits"}]"#,
    );
    assert_eq!(
        seeded(&dir, &["--prune"], &seed),
        "organizations: 1 added, 0 changed, 0 unchanged, 4 removed\n\
         spaces: 1 added, 0 changed, 0 unchanged, 10 removed\n\
         apps: 1 added, 0 changed, 0 unchanged, 36 removed\n\
         users: 1 added, 0 changed, 0 unchanged, 10 removed\n\
         packages: 1 added, 0 changed, 0 unchanged, 300 removed\n"
    );
    assert_eq!(dir.run_ok(&["export"]), export_of(&seed));
    assert!(dir.run_ok(&["check"]).contains("no fault"));
    assert_eq!(
        seeded(&dir, &["--prune"], &seed),
        "organizations: 0 added, 0 changed, 1 unchanged, 0 removed\n\
         spaces: 0 added, 0 changed, 1 unchanged, 0 removed\n\
         apps: 0 added, 0 changed, 1 unchanged, 0 removed\n\
         users: 0 added, 0 changed, 1 unchanged, 0 removed\n\
         packages: 0 added, 0 changed, 1 unchanged, 0 removed\n"
    );
}

#[test]
fn rest_of_several_seeds_is_removed_once() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    dir.write("one", format!("{{{HOUSE}}}"));
    dir.write(
        "two",
        r#"{"package": {"app": "acme/dev/shop", "type": "bits", "guid": "p"}}"#,
    );
    let report = dir.run_ok(&["seed", "one", "two", "--prune"]);
    assert!(
        report.ends_with("packages: 1 added, 0 changed, 0 unchanged, 300 removed\n"),
        "{report}"
    );
}

#[test]
fn names_and_guids_of_removed_rows_are_free() {
    let dir = WorkDir::new();
    let before = r#"{"organizations": [{"name": "acme", "guid": "old"}], "users": [{"guid": "moved"}],
        "spaces": [{"name": "dev", "organization": "acme", "guid": "old-space"}]}"#;
    seeded(&dir, &[], before);
    let after = r#"{"organizations": [{"name": "acme", "guid": "new"}],
        "spaces": [{"name": "dev", "organization": "acme", "guid": "moved"}],
        "apps": [{"name": "shop", "space": "dev"}]}"#;
    assert_eq!(seed_with(&dir, &[], after).status, 1);
    seeded(&dir, &["--prune"], after);
    assert_eq!(dir.run_ok(&["export"]), export_of(after));
}

#[test]
fn reference_to_a_row_that_would_be_removed_is_refused() {
    let dir = WorkDir::new();
    seeded(&dir, &[], &format!("{{{HOUSE}}}"));
    let before = dir.run_ok(&["export"]);
    let output = seed_with(
        &dir,
        &["--prune"],
        r#"{"packages": [{"app": "shop", "type": "bits"}]}"#,
    );
    assert_eq!(
        (output.status, &*output.stderr),
        (
            1,
            "cf-packages: `standard input` line 1 column 23: `packages[0].app`: the app `shop` is in the database, but will \
             be removed by `prune`, because the seeds do not have it; add it to a seed\n"
        )
    );
    assert_eq!(dir.run_ok(&["export"]), before);
}

#[test]
fn dry_run_counts_and_removes_nothing() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let before = dir.run_ok(&["export"]);
    let report = dir.run_ok(&["seed", "example", "--prune", "--dry-run"]);
    assert!(
        report.starts_with("dry run: nothing was changed, but would be\n")
            && report.ends_with("packages: 4 added, 0 changed, 0 unchanged, 300 removed\n"),
        "{report}"
    );
    assert_eq!(
        dir.run_ok(&["seed", "--reset", "--dry-run"]),
        "dry run: nothing was changed, but would be\n\
         reset: everything but the token keys removed (organizations: 4, spaces: 10, apps: 36, users: 10, packages: 300)\n"
    );
    assert_eq!(dir.run_ok(&["export"]), before);
}

#[test]
fn prune_needs_a_seed_and_nothing_that_contradicts_it() {
    let dir = WorkDir::new();
    for arguments in [
        &["seed", "--prune"][..],
        &["seed", "--prune", "--reset", "demo"],
        &["seed", "--prune", "--generate", "7", "demo"],
    ] {
        let output = dir.run(arguments);
        assert_eq!((output.status, &*output.stdout), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains("`--prune`"), "{}", output.stderr);
    }
    assert!(dir.file_names().is_empty());
}

#[test]
fn running_server_notices_what_was_removed() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo", "example"]);
    let server = dir.serve(&["--no-auth", "--api", "current"]);
    for total in [304, 4] {
        for _ in 0..3 {
            let body = server.get("/v3/packages?per_page=1", "").body;
            assert!(
                body.contains(&format!("\"total_results\":{total},")),
                "{body}"
            );
        }
        dir.run_ok(&["seed", "example", "--prune"]);
    }
    server.stop();
}
