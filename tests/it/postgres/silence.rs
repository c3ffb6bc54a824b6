//! Commands whose PostgreSQL server stops without closing its connections.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::recovery::start;
use super::{Proxy, example_or_skip, run, spawn, wait_until, wait_until_written_to};

/// How long a test waits for the end of a command.
const BOUND: Duration = Duration::from_secs(90);

/// Waits for the end of a command, which fails with `status`, and returns what it says.
fn error_of(mut child: Child, status: i32) -> String {
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begin.elapsed() > BOUND {
            child.kill().expect("a child");
            panic!("the command does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("an output");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    stderr
}

#[test]
fn commands_end_if_the_server_accepts_connections_and_does_not_answer() {
    let Some((schema, folder)) = example_or_skip("a server that does not answer") else {
        return;
    };
    let proxy = Proxy::start(schema.url());
    proxy.freeze(true);
    let url = proxy.url(schema.url());
    let commands = [
        &["check"][..],
        &["seed", "example"],
        &["export"],
        &["token", "--admin"],
        &["get", "/v3/packages"],
        &["serve", "--listen", "127.0.0.1:0"],
    ];
    let running: Vec<_> = commands
        .iter()
        .map(|arguments| spawn(&folder, &url, arguments))
        .collect();
    for child in running {
        let stderr = error_of(child, 1);
        assert!(stderr.contains("its server does not answer"), "{stderr}");
    }
    proxy.freeze(false);
    run(&folder, &url, &["check"]);
}

#[test]
fn commands_end_if_the_server_stops_answering_while_a_statement_runs() {
    for arguments in [&["check"][..], &["seed", "demo"]] {
        let Some((schema, folder)) = example_or_skip("a server that stops answering") else {
            return;
        };
        let before = run(&folder, schema.url(), &["export"]);
        let proxy = Proxy::start(schema.url());
        let mut other = schema.connect();
        other
            .batch_execute("begin; lock table packages, versions in access exclusive mode")
            .expect("a lock");
        let child = spawn(&folder, &proxy.url(schema.url()), arguments);
        let mut observer = schema.connect();
        let waits = "select exists (select from pg_locks where not granted
            and relation in ('packages'::regclass, 'versions'::regclass))";
        wait_until("the command waits", || {
            observer.query_one(waits, &[]).expect("a row").get(0)
        });
        proxy.freeze(true);
        let stderr = error_of(child, 1);
        assert!(stderr.contains("its server does not answer"), "{stderr}");
        drop(other);
        proxy.freeze(false);
        assert_eq!(run(&folder, schema.url(), &["export"]), before);
    }
}

#[test]
fn command_goes_on_while_the_server_takes_long_and_answers_others() {
    let Some((schema, folder)) = example_or_skip("a statement that takes long") else {
        return;
    };
    let proxy = Proxy::start(schema.url());
    let mut other = schema.connect();
    other
        .batch_execute("begin; lock table packages in access exclusive mode")
        .expect("a lock");
    let connections = proxy.connections();
    let child = spawn(&folder, &proxy.url(schema.url()), &["check"]);
    // The first is its own, and two more asked whether the server answers.
    wait_until("it asked twice", || proxy.connections() >= connections + 3);
    other.batch_execute("rollback").expect("no lock");
    error_of(child, 0);
}

#[test]
fn stop_while_a_change_is_not_answered_says_that_its_outcome_is_unknown() {
    let Some(served) = start() else { return };
    let mut other = served.schema.connect();
    other
        .batch_execute("begin; select 1 from versions for update")
        .expect("a lock");
    let sql = "select pg_backend_pid()";
    let blocker: i32 = other.query_one(sql, &[]).expect("a number").get(0);
    let mut client = served.server.connect();
    client.send(served.creation());
    let mut observer = served.schema.connect();
    let sql = "select exists (select from pg_stat_activity where $1 = any (pg_blocking_pids(pid)))";
    wait_until("the change waits", || {
        observer.query_one(sql, &[&blocker]).expect("a row").get(0)
    });
    served.proxy.freeze(true);
    served.server.terminate();
    let (_, _, stderr) = served.server.wait();
    assert!(stderr.contains("unknown whether it was stored"), "{stderr}");
    assert!(!stderr.contains("rolled back"), "{stderr}");
}

#[test]
fn stop_of_a_seed_that_is_not_answered_does_not_say_that_nothing_was_stored() {
    let Some((schema, folder)) = example_or_skip("a seed that is not answered") else {
        return;
    };
    let proxy = Proxy::start(schema.url());
    let child = spawn(
        &folder,
        &proxy.url(schema.url()),
        &["seed", "--generate", "1000000000"],
    );
    wait_until_written_to(&schema);
    proxy.freeze(true);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a signal");
    let stderr = error_of(child, 143);
    assert!(
        stderr.contains("look whether the seed was stored"),
        "{stderr}"
    );
    assert!(!stderr.contains("nothing was changed"), "{stderr}");
}
