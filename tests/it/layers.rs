//! The rooms of `src/` and what may be named in each: imports run one way, and each engine lives in one room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::CommandFactory;

/// Every file of `src/` without its comments, by its path there.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder is read") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(&src)
                    .expect("below src")
                    .to_string_lossy()
                    .into_owned();
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let code: Vec<&str> = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect();
                sources.insert(name, code.join("\n"));
            }
        }
    }
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

/// Whether the code names `word`, a crate or a path, as a whole.
fn names(code: &str, word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    code.match_indices(word).any(|(place, _)| {
        let before = place.checked_sub(1).map(|place| code.as_bytes()[place]);
        let after = code.as_bytes().get(place + word.len());
        // `a::word` is another module's: a crate is named at the start of its path.
        !before.is_some_and(|byte| is_part(byte) || byte == b':')
            && !after.copied().is_some_and(is_part)
    })
}

fn is_in(file: &str, rooms: &[&str]) -> bool {
    rooms.iter().any(|room| match room.strip_suffix(".rs") {
        Some(_) => file == *room,
        None => file
            .strip_prefix(room)
            .is_some_and(|rest| rest.starts_with('/') || rest == ".rs"),
    })
}

#[test]
fn each_engine_is_named_in_its_own_room() {
    for (name, rooms) in [
        ("rusqlite", &["store"][..]),
        ("r2d2", &["store"]),
        ("r2d2_sqlite", &["store"]),
        ("warp", &["http"]),
        ("hyper", &["http", "server"]),
        ("hyper_util", &["http", "server"]),
        ("http_body_util", &["http", "server"]),
        ("rustix", &["server"]),
        ("jsonwebtoken", &["auth"]),
        ("subtle", &["auth"]),
        ("clap", &["cli", "cli.rs", "edition.rs", "log.rs"]),
        ("indicatif", &["seed"]),
        ("include_dir", &["seed"]),
    ] {
        let mut named = 0;
        for (file, _) in sources().into_iter().filter(|(_, code)| names(code, name)) {
            assert!(
                is_in(&file, rooms),
                "{file} names {name}, which is for {rooms:?}"
            );
            named += 1;
        }
        assert!(
            named > 0,
            "nobody names {name}; this test looks for the wrong word"
        );
    }
}

#[test]
fn editions_and_log_formats_are_values_of_flags_and_no_more() {
    let sources = sources();
    for file in ["edition.rs", "log.rs"] {
        let uses: Vec<_> = sources[file]
            .lines()
            .filter(|line| names(line, "clap"))
            .collect();
        assert!(
            uses.iter().all(|line| line.contains("clap::ValueEnum")),
            "{file}: {uses:?}"
        );
    }
}

/// The modules in layers, the highest first. A module may import modules of lower layers, never of its own or a higher
/// one.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["testing"],
    &["server"],
    &["http"],
    &["service", "ephemeral"],
    &["auth", "edition"],
    &["listing"],
    &["error"],
    &["seed"],
    &["records"],
    &["store"],
    &[
        "caller",
        "clock",
        "duration",
        "json_object",
        "labels",
        "log",
        "private_file",
    ],
    &["error_text"],
    &["error_text"],
];

/// The layer of a file. `None` for the files that may import everything.
fn layer_of(file: &str) -> Option<usize> {
    LAYERS
        .iter()
        .position(|modules| is_in(file, modules))
        .or_else(|| {
            assert!(
                ["main.rs", "lib.rs", "build.rs"].contains(&file),
                "{file} is in no layer"
            );
            None
        })
}

#[test]
fn modules_import_only_modules_of_lower_layers() {
    for (file, code) in sources() {
        let Some(layer) = layer_of(&file) else {
            continue;
        };
        let own = file.split(['/', '.']).next().expect("a name");
        for other in LAYERS[..=layer].iter().copied().flatten() {
            // Also as one of several: `use crate::{auth, store}`.
            let one_of_several = code
                .lines()
                .filter(|line| line.contains("use crate::{"))
                .any(|line| names(line, other));
            assert!(
                *other == own || !names(&code, &format!("crate::{other}")) && !one_of_several,
                "{file} imports {other}"
            );
        }
    }
}

#[test]
fn an_edition_knows_rows_and_requests_but_no_data() {
    for (file, code) in sources()
        .into_iter()
        .filter(|(file, _)| is_in(file, &["edition"]))
    {
        for name in ["Snapshot", "Store", "Transaction"] {
            assert!(
                !names(&code, &format!("store::{name}"))
                    && !names(&code, &format!("crate::store::{name}")),
                "{file} names {name}"
            );
        }
        let lower = code.to_lowercase();
        for sql in [
            "\"select ",
            "\"insert ",
            "\"update ",
            "\"delete ",
            "\"with ",
            "\" where ",
        ] {
            assert!(!lower.contains(sql), "{file} holds SQL");
        }
    }
}

#[test]
fn an_edition_is_told_from_the_other_in_one_file() {
    for (file, code) in sources() {
        let allowed = file == "edition.rs" || is_in(&file, &["cli", "service.rs", "testing.rs"]);
        let decides = ["Edition::Of2015", "Edition::Current"]
            .iter()
            .any(|edition| names(&code, edition));
        assert!(!decides || allowed, "{file} tells editions apart");
    }
}

#[test]
fn only_the_store_and_the_schema_speak_to_sqlite_itself() {
    for (file, code) in sources()
        .into_iter()
        .filter(|(file, _)| !is_in(file, &["store"]))
    {
        for word in [
            "pragma",
            "sqlite_schema",
            "sqlite_master",
            "rowid",
            "immutable=",
        ] {
            assert!(!names(&code, word), "{file} names {word}");
        }
    }
}

#[test]
fn the_command_line_is_well_formed() {
    cf_packages::cli::Cli::command().debug_assert();
}

#[test]
fn each_flag_of_serve_is_also_a_variable_and_each_secret_a_file() {
    let command = cf_packages::cli::Cli::command();
    let serve = command.find_subcommand("serve").expect("serve");
    let flags: Vec<&str> = serve
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    for expected in [
        "db",
        "listen",
        "seed",
        "api",
        "token-key",
        "clock",
        "no-auth",
        "log",
        "token-public-key",
        "admin-token-file",
        "external-url",
        "cache-size",
        "login",
        "login-password",
        "login-ttl",
        "ephemeral",
        "from",
        "read-only",
        "exit-with-stdin",
        "admin-api",
        "delay",
    ] {
        assert!(flags.contains(&expected), "--{expected}");
    }
    for argument in serve.get_arguments() {
        let Some(flag) = argument
            .get_long()
            .filter(|flag| !["help", "version"].contains(flag))
        else {
            continue;
        };
        let variable = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
        let secret = flag.strip_suffix("-file").unwrap_or(flag);
        if ["token-key", "login-password"].contains(&secret) {
            // Read by hand, so that no help ever shows a value.
            assert_eq!(argument.get_env(), None, "--{flag}");
            assert!(
                flags.contains(&format!("{secret}-file").as_str()),
                "--{secret}-file"
            );
        } else {
            assert_eq!(
                argument.get_env().and_then(std::ffi::OsStr::to_str),
                Some(variable.as_str()),
                "--{flag}"
            );
        }
    }
}

#[test]
fn a_variable_means_the_same_to_every_verb() {
    let command = cf_packages::cli::Cli::command();
    for verb in command.get_subcommands() {
        for argument in verb.get_arguments() {
            let Some(flag) = argument.get_long() else {
                continue;
            };
            if let Some(name) = argument.get_env() {
                let expected = format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase());
                assert_eq!(
                    name.to_str(),
                    Some(expected.as_str()),
                    "{} --{flag}",
                    verb.get_name()
                );
            }
            assert!(
                argument.get_env().is_some() || !["db", "clock", "api"].contains(&flag),
                "{} --{flag} has no variable",
                verb.get_name()
            );
        }
    }
}
