//! The text of the repository: the words that it avoids, and the documents that comments refer to.

use std::collections::BTreeMap;
use std::path::Path;

/// Words and phrases for which `docs/glossary.md` has another word.
const AVOIDED: &[&str] = &[
    "door",
    "doors",
    "hands",
    "keeper",
    "landmark",
    "landmarks",
    "learnt",
    "memo",
    "neighbor",
    "neighbors",
    "neighbour",
    "neighbours",
    "paste",
    "scene",
    "sight",
    "the stage",
    "told",
    "walk",
    "walked",
    "walking",
    "walks",
    "watcher",
    "watchers",
    "way in",
    "what it is of",
    "who asks",
    "whoever",
];

/// Words that are avoided as names of types and their parts.
const AVOIDED_IN_TYPES: &[&str] = &[
    "Asked",
    "Door",
    "Hands",
    "Keeper",
    "Landmark",
    "Landmarks",
    "Memo",
    "Neighbour",
    "Neighbours",
    "Paste",
    "Rendered",
    "Scene",
    "Sight",
    "Stage",
    "Told",
    "Walk",
    "Watcher",
    "WayIn",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the texts of these files and folders, by their paths from the root of the repository.
fn texts(paths: &[&str], extensions: &[&str]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut rest: Vec<_> = paths.iter().map(|path| root().join(path)).collect();
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder is read");
            rest.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path
            .extension()
            .is_some_and(|extension| extensions.iter().any(|known| extension == *known))
        {
            let name = path.strip_prefix(root()).expect("in the repository");
            texts.insert(
                name.to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).expect("UTF-8"),
            );
        }
    }
    assert!(!texts.is_empty());
    texts
}

/// Returns whether `text` contains `phrase` between characters that are not letters. Without `_` and digits the words
/// of a name in snake case count too.
fn contains_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
    })
}

/// Returns the words of names in camel case: `ListCache` has `List` and `Cache`, and `WayIn` is found as a whole.
fn contains_type_part(line: &str, part: &str) -> bool {
    line.match_indices(part).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + part.len()..].chars().next();
        !before.is_some_and(char::is_uppercase) && !after.is_some_and(char::is_lowercase)
    })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn avoided_words_occur_nowhere() {
    let texts = texts(
        &["src", "tests", "fuzz", "benches", "docs", "schema.sql"],
        &["rs", "sql", "md", "py"],
    );
    let mut found = Vec::new();
    for (file, text) in texts {
        if file == "tests/it/source_text.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let avoided = AVOIDED
                .iter()
                .filter(|phrase| contains_phrase(&lower, phrase))
                .chain(AVOIDED_IN_TYPES.iter().filter(|part| {
                    file.ends_with(".rs") && !is_comment(line) && contains_type_part(line, part)
                }));
            for word in avoided {
                found.push(format!("{file}:{}: `{word}`", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Returns the anchor that a Markdown heading gets: lower case, without punctuation, with `-` for each space.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || ['-', '_', ' '].contains(letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// Returns the references to Markdown files in a line, each with its anchor, if it has one.
fn document_references(line: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-./#".contains(letter);
    line.split(move |letter| !is_part(letter))
        .filter_map(|word| {
            let (path, anchor) = match word.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor.trim_end_matches('.'))),
                None => (word.trim_end_matches('.'), None),
            };
            path.ends_with(".md").then_some((path, anchor))
        })
}

#[test]
fn a_comment_refers_only_to_documents_of_the_repository() {
    let mut found = Vec::new();
    for (file, text) in texts(&["src", "schema.sql"], &["rs", "sql"]) {
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            for (path, wanted) in document_references(line) {
                let Ok(document) = std::fs::read_to_string(root().join(path)) else {
                    found.push(format!("{file}:{number}: {path} does not exist"));
                    continue;
                };
                let has_anchor = |wanted: &str| {
                    document
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == wanted)
                };
                if let Some(wanted) = wanted.filter(|wanted| !has_anchor(wanted)) {
                    found.push(format!("{file}:{number}: {path} has no heading #{wanted}"));
                }
            }
            // Sections are those of a standard or of a web page, which is named before them.
            let section_of_nothing = is_comment(line)
                && line.split_once('§').is_some_and(|(before, _)| {
                    !["RFC ", "https://"]
                        .iter()
                        .any(|source| before.contains(source))
                });
            if section_of_nothing {
                found.push(format!("{file}:{number}: a section of which document?"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
