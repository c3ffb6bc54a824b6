//! Which database the tests run over.

use std::io::Write;

use crate::support::WorkDir;
use crate::support::database::server_url;

#[test]
fn tests_run_over_the_server_that_is_named_or_say_that_they_do_not() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    assert_eq!(dir.number("select count(*) from packages"), 4);
    assert_eq!(dir.file_names(), dir.database_files());
    let runs_over_a_file = dir.location().file().is_some();
    assert_eq!(runs_over_a_file, server_url().is_none());
    if runs_over_a_file {
        // Written past the test harness, which shows what a test prints only if it fails.
        let line = "tests over PostgreSQL: skipped, `CF_PACKAGES_TEST_POSTGRES` is not set (run `.ci/postgres`)";
        writeln!(std::io::stderr(), "\n{line}").expect("a line is written");
    }
}
