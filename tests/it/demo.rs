//! `serve --demo`: what it serves, and what it shows.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Stdio};

use crate::support::{Connection, Response, Terminal, WorkDir, get};

/// A demo that runs without a terminal, and the lines that it has shown.
struct Demo {
    child: Child,
    address: SocketAddr,
    stderr: BufReader<ChildStderr>,
    shown: Vec<String>,
}

impl Demo {
    fn start(dir: &WorkDir, flags: &[&str]) -> Self {
        Self::listen(dir, "127.0.0.1:0", flags)
    }

    fn listen(dir: &WorkDir, address: &str, flags: &[&str]) -> Self {
        let mut child = dir
            .command()
            .args(["serve", "--demo", "--listen", address])
            .args(flags)
            .env("TMPDIR", dir.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let mut demo = Self {
            address: line
                .strip_prefix("listening on http://")
                .unwrap()
                .trim_end()
                .parse()
                .unwrap(),
            stderr: BufReader::new(child.stderr.take().unwrap()),
            child,
            shown: Vec::new(),
        };
        while !demo.shown.iter().any(|line| line.contains("every user")) {
            let mut line = String::new();
            assert_ne!(demo.stderr.read_line(&mut line).unwrap(), 0);
            demo.shown.push(line.trim_end().to_owned());
        }
        demo
    }

    /// Returns what the shown lines have between two texts.
    fn between(&self, before: &str, after: &str) -> Vec<String> {
        let rest = |line: &String| Some(line.split_once(before)?.1.strip_suffix(after)?.to_owned());
        self.shown.iter().filter_map(rest).collect()
    }

    fn get(&self, target: &str, token: &str) -> Response {
        self.send(get(target, token))
    }

    fn send(&self, raw: impl AsRef<[u8]>) -> Response {
        let mut connection = Connection::open(self.address);
        connection.send(raw);
        connection.read(false).unwrap()
    }

    /// Logs in as `cf` does.
    fn log_in(&self, user: &str, password: &str) -> Response {
        let form = format!("grant_type=password&username={user}&password={password}");
        self.send(format!(
            "POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Y2Y6\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
    }

    /// Stops the server. Returns what it wrote to stderr after the lines that it showed first.
    fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        rest
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn total(response: &Response) -> u64 {
    assert_eq!(response.status, 200, "{}", response.body);
    let list: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    list["pagination"]["total_results"].as_u64().unwrap()
}

fn granted(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.body);
    let grant: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    grant["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn demo_without_a_terminal_shows_requests_and_a_login_that_work() {
    let dir = WorkDir::of_files();
    let demo = Demo::start(&dir, &[]);
    assert_eq!(demo.between("U=", ""), [format!("http://{}", demo.address)]);

    let token_file = demo.between("T=", "").remove(0);
    let token = std::fs::read_to_string(&token_file).unwrap();
    let others = demo
        .shown
        .iter()
        .filter(|line| !line.starts_with("T=") && !line.starts_with("page: "));
    let widest = others.map(|line| line.chars().count()).max();
    assert!(widest <= Some(60), "{:?}", demo.shown);
    let targets = demo.between("curl -H \"$H\" \"$U", "\"");
    assert_eq!(targets.len(), 4, "{:?}", demo.shown);
    for target in targets {
        let target = ["P", "A", "S"].iter().fold(target, |target, name| {
            let guid = demo.between(&format!("{name}="), "").remove(0);
            target.replace(&format!("${name}"), &guid)
        });
        assert!(!target.contains('$'), "{target}");
        assert_eq!(demo.get(&target, &token).status, 200, "{target}");
    }

    let login = format!("cf login -a http://{} -u admin -p ", demo.address);
    let password = demo.between(&login, "").remove(0);
    assert_eq!(password.len(), 8);
    let admin = granted(&demo.log_in("admin", &password));
    assert_eq!(total(&demo.get("/v3/packages", &admin)), 300);
    let user = demo
        .between("every user, such as ", ", has it too")
        .remove(0);
    let user = granted(&demo.log_in(&user, &password));
    let seen = total(&demo.get("/v3/packages", &user));
    assert!((1..300).contains(&seen), "{seen}");
    assert_eq!(demo.log_in("admin", "wrong").status, 401);

    let log = demo.stop();
    assert!(
        log.contains("INFO GET /v3/packages?per_page=2 200 "),
        "{log}"
    );
    assert!(!log.contains(&password), "{log}");
    // The data and the token were temporary.
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn demo_takes_a_password_a_clock_and_more_seeds() {
    let dir = WorkDir::of_files();
    dir.write(
        "more.json",
        r#"{"packages": [{"guid": "mine", "app": "325ca6bf-200f-433e-8777-dd14f4dd59ab", "type": "bits"}]}"#,
    );
    let seed = dir.path("more.json");
    let demo = Demo::start(
        &dir,
        &[
            "--login-password",
            "chosen",
            "--clock",
            "2030-01-02T03:04:05Z",
            "--seed",
            seed.to_str().unwrap(),
        ],
    );
    let login = format!("cf login -a http://{} -u admin", demo.address);
    let at = demo.shown.iter().position(|line| *line == login);
    let at = at.expect("the command that logs in");
    assert_eq!(demo.shown[at + 1], "  with your password");
    let admin = granted(&demo.log_in("admin", "chosen"));
    let package = demo.get("/v3/packages/mine", &admin);
    assert!(
        package
            .body
            .contains("\"created_at\":\"2030-01-02T03:04:05Z\""),
        "{}",
        package.body
    );
    assert_eq!(total(&demo.get("/v3/packages", &admin)), 301);
    demo.stop();
}

#[test]
fn demo_may_listen_for_other_machines_and_shows_its_password() {
    let dir = WorkDir::of_files();
    let demo = Demo::listen(&dir, "0.0.0.0:0", &[]);
    let password = demo.between(" -u admin -p ", "").remove(0);
    granted(&demo.log_in("admin", &password));
    demo.stop();
}

#[test]
fn flags_that_contradict_a_demo_are_refused() {
    let dir = WorkDir::of_files();
    for (flags, words) in [
        (&["--db", "x.db"][..], "leave out `--db`"),
        (&["--read-only"], "`--demo` and `--read-only` contradict"),
        (&["--api", "2015"], "leave out `--api`"),
        (&["--no-auth"], "leave out `--no-auth`"),
    ] {
        let output = dir.run(&[&["serve", "--demo"], flags].concat());
        assert_eq!((output.status, &*output.stdout), (2, ""), "{flags:?}");
        assert!(output.stderr.contains(words), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1);
    }
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

/// Returns the lines that a server shows on a terminal before it stops.
fn shown_on_a_terminal(dir: &WorkDir, flags: &[&str]) -> Vec<String> {
    let terminal = Terminal::open();
    let mut command = dir.command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
        .args(flags)
        .env_remove("TMPDIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(terminal.stdio());
    let (code, shown) = terminal.run(&mut command);
    assert_eq!(code, Some(0), "{shown}");
    shown
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn commands_on_a_terminal_fit_into_80_columns() {
    let dir = WorkDir::of_files();
    for flags in [
        &["--demo"][..],
        &["--ephemeral", "--seed", "example"],
        &["--ephemeral"],
        &[
            "--ephemeral",
            "--api",
            "current",
            "--seed",
            "demo",
            "--login",
        ],
    ] {
        let lines = shown_on_a_terminal(&dir, flags);
        let commands = lines.iter().filter(|line| line.starts_with("curl "));
        assert_eq!(
            commands.count(),
            if flags.contains(&"--seed") || flags == ["--demo"] {
                4
            } else {
                1
            }
        );
        // The link holds a token.
        for line in lines.iter().filter(|line| !line.starts_with("page: ")) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}

#[test]
fn server_without_data_names_the_seed_and_the_demo_on_a_terminal() {
    let dir = WorkDir::new();
    let lines = shown_on_a_terminal(&dir, &[]);
    assert_eq!(
        lines[..3],
        [
            "no packages are stored;",
            "  `serve --seed demo` adds some,",
            "  `serve --demo` shows all"
        ]
    );
    assert!(lines.contains(&"edition: 2015; clients: --api current".into()));
    assert_eq!(dir.file_names(), dir.database_files());
    assert!(
        dir.run_ok(&["get", "/v3/packages", "--admin"])
            .contains("\"total_results\": 0")
    );
}
