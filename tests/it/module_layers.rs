//! The structure of `src/`: imports go in one direction, and each external crate is named in one module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers of `docs/architecture.md`, the highest first. A module imports only modules of lower layers.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["record"],
    &["testing"],
    &["server"],
    &["http"],
    &["service", "ephemeral"],
    &["auth", "edition"],
    &["changes"],
    &["listing"],
    &["error"],
    &["seed"],
    &["blobs", "bundle", "statistics"],
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
        "signals",
    ],
    &["error_text"],
];

/// The files of no layer. They may import everything.
const WITHOUT_LAYER: &[&str] = &["main.rs", "lib.rs", "build.rs"];

/// The external crates, and the modules that may name them.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("r2d2", &["store"]),
    ("r2d2_sqlite", &["store"]),
    ("postgres", &["store"]),
    ("tokio_postgres", &["store"]),
    ("tokio_postgres_rustls", &["store"]),
    ("rustls", &["record", "store"]),
    ("rustls_native_certs", &["record", "store"]),
    ("warp", &["http"]),
    ("hyper", &["http", "server"]),
    ("hyper_util", &["http", "server"]),
    ("http_body_util", &["http", "server"]),
    ("ring", &["auth", "blobs", "bundle", "record", "seed"]),
    ("rawzip", &["blobs"]),
    ("multra", &["http"]),
    ("flate2", &["bundle", "http"]),
    ("http_range_header", &["http"]),
    ("pkcs1", &["auth"]),
    ("spki", &["auth"]),
    ("rustix", &["cli", "server", "store", "ephemeral.rs"]),
    ("socket2", &["server"]),
    ("subtle", &["auth"]),
    ("clap", &["cli", "edition.rs", "log.rs"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["record", "seed"]),
    ("ureq", &["record"]),
    ("unicode_width", &["cli"]),
    ("prometheus_client", &["service"]),
    ("include_dir", &["seed"]),
];

/// Returns the files of `src/` without comment lines, by their paths there.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder is read") {
            let path: PathBuf = entry.expect("an entry").path();
            // Unit tests may use what is beside or above the module that they test.
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            }
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

/// Returns whether the code contains `path` (a word, or words with `::` between them) from the start of a path.
fn names(code: &str, path: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    code.match_indices(path).any(|(index, _)| {
        let before = index.checked_sub(1).map(|index| code.as_bytes()[index]);
        let after = code.as_bytes().get(index + path.len());
        !before.is_some_and(|byte| is_part(byte) || byte == b':')
            && !after.copied().is_some_and(is_part)
    })
}

/// Returns whether the file belongs to one of the modules. `x.rs` stands for that file alone, `x` for the folder too.
fn is_in(file: &str, modules: &[&str]) -> bool {
    modules
        .iter()
        .any(|module| match module.strip_suffix(".rs") {
            Some(_) => file == *module,
            None => file
                .strip_prefix(module)
                .is_some_and(|rest| rest.starts_with('/') || rest == ".rs"),
        })
}

/// Returns the layer of a file, or `None` for the files that may import everything.
fn layer_of(file: &str) -> Option<usize> {
    let layer = LAYERS.iter().position(|modules| is_in(file, modules));
    assert!(
        layer.is_some() || WITHOUT_LAYER.contains(&file),
        "{file} is in no layer"
    );
    layer
}

#[test]
fn a_module_imports_only_modules_of_lower_layers() {
    for (file, code) in sources() {
        let Some(layer) = layer_of(&file) else {
            continue;
        };
        let own = file.split(['/', '.']).next().expect("a name");
        for other in LAYERS[..=layer].iter().copied().flatten() {
            // In `use crate::{auth, store}` the names do not follow `crate::`.
            let is_in_a_list = code
                .lines()
                .filter(|line| line.contains("use crate::{"))
                .any(|line| names(line, other));
            assert!(
                *other == own || !names(&code, &format!("crate::{other}")) && !is_in_a_list,
                "{file} imports {other}"
            );
        }
    }
}

#[test]
fn an_external_crate_is_named_only_in_its_modules() {
    let sources = sources();
    for (name, modules) in CRATES {
        let users: Vec<_> = sources
            .iter()
            .filter(|(_, code)| names(code, name))
            .map(|(file, _)| file)
            .collect();
        assert!(!users.is_empty(), "no file names {name}");
        for file in users {
            assert!(
                is_in(file, modules),
                "{file} names {name}, which belongs to {modules:?}"
            );
        }
    }
}

#[test]
fn outside_the_command_line_clap_is_used_only_for_values_of_flags() {
    let sources = sources();
    for file in ["edition.rs", "log.rs"] {
        for line in sources[file].lines().filter(|line| names(line, "clap")) {
            assert!(line.contains("clap::ValueEnum"), "{file}: {line}");
        }
    }
}

#[test]
fn only_the_store_names_what_is_special_to_sqlite() {
    for (file, code) in sources() {
        for word in [
            "pragma",
            "sqlite_schema",
            "sqlite_master",
            "rowid",
            "immutable=",
        ] {
            assert!(
                is_in(&file, &["store"]) || !names(&code, word),
                "{file} contains `{word}`"
            );
        }
    }
}

#[test]
fn an_edition_neither_opens_snapshots_nor_contains_sql() {
    for (file, code) in sources() {
        if !is_in(&file, &["edition"]) {
            continue;
        }
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
            assert!(!lower.contains(sql), "{file} contains SQL");
        }
    }
}

/// `cli`, `service` and `testing` choose an edition, or take one as the default.
#[test]
fn only_the_module_edition_distinguishes_editions() {
    for (file, code) in sources() {
        let may_name = is_in(&file, &["edition.rs", "cli", "service.rs", "testing.rs"]);
        for edition in ["Edition::Of2015", "Edition::Current"] {
            assert!(may_name || !names(&code, edition), "{file} names {edition}");
        }
    }
}

#[test]
fn an_edition_is_imported_only_by_itself_and_the_module_edition() {
    for (file, code) in sources() {
        for edition in ["of_2015", "current"] {
            assert!(
                is_in(&file, &["edition.rs", &format!("edition/{edition}")])
                    || !code.contains(&format!("edition::{edition}")),
                "{file} imports the edition {edition}"
            );
        }
    }
}
