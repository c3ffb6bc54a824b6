//! Seeds in JSON and JSON Lines, and saved answers. A seed is applied whole or refused; a refused one changes nothing; the database has no
//! fault afterwards; the seed again, and a seed of the export, change nothing.

use std::path::PathBuf;

use cf_packages::blobs;
use cf_packages::records;
use cf_packages::seed::{self, ExportedBits, OtherRows, SeedError, SeedFormat, Source};
use cf_packages::store::{self, Durability, OpenMode, Store};

use crate::{Answer, Target, kind_of};

const NOW: i64 = 1_600_000_000;
/// The kept inputs. The first is applied before each try.
const CORPUS: [&str; 9] = [
    include_str!("corpus/seed/base.json"),
    include_str!("corpus/seed/every-field.json"),
    include_str!("corpus/seed/every-field.jsonl"),
    include_str!("corpus/seed/names.json"),
    include_str!("corpus/seed/exchanged-names.json"),
    include_str!("corpus/seed/roles.jsonl"),
    include_str!("corpus/seed/metadata.json"),
    include_str!("corpus/seed/answer.json"),
    include_str!("corpus/seed/answers.json"),
];

pub struct Seed {
    store: Store,
    path: PathBuf,
    before: Vec<u8>,
    _folder: tempfile::TempDir,
}

fn source(bytes: &[u8]) -> Source {
    Source::Bytes {
        label: "input".into(),
        bytes: bytes.to_vec(),
    }
}

impl Seed {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("f");
        let base = source(CORPUS[0].as_bytes());
        Store::create(&path, |transaction| {
            seed::apply(transaction, &[base], OtherRows::Keep, NOW).map(drop)
        })
        .expect("a seed");
        let mut seed = Self {
            store: Store::open(&path, OpenMode::ReadWrite, Durability::Off).expect("a database"),
            path,
            before: Vec::new(),
            _folder: folder,
        };
        seed.before = seed.export();
        seed
    }

    fn export(&self) -> Vec<u8> {
        let export = self.store.read_blocking(|snapshot| {
            let mut out = Vec::new();
            seed::export(snapshot, SeedFormat::Json, ExportedBits::LeftOut, &mut out)?;
            Ok::<_, seed::ExportError>(out)
        });
        export.expect("the data can be exported")
    }

    /// Returns how many entries were added or changed.
    fn apply(&self, bytes: &[u8]) -> Result<u64, SeedError> {
        let seeds = [source(bytes)];
        let report = self
            .store
            .write(|transaction| seed::apply(transaction, &seeds, OtherRows::Keep, NOW))?;
        Ok(report
            .by_kind()
            .map(|(_, counts)| counts.added + counts.changed)
            .sum())
    }

    /// Restores the data that each try begins with.
    fn restore(&self) {
        let base = [source(CORPUS[0].as_bytes())];
        self.store
            .write(|transaction| {
                seed::reset(transaction)?;
                seed::apply(transaction, &base, OtherRows::Keep, NOW)
            })
            .expect("the first input is a seed");
    }
}

impl Target for Seed {
    fn corpus(&self) -> Vec<Vec<u8>> {
        CORPUS.map(|text| text.as_bytes().to_vec()).into()
    }

    fn dictionary(&self) -> &'static [&'static str] {
        &[
            "\"organizations\"",
            "\"spaces\"",
            "\"apps\"",
            "\"users\"",
            "\"packages\"",
            "\"organization\"",
            "\"space\"",
            "\"app\"",
            "\"user\"",
            "\"package\"",
            "\"guid\"",
            "\"name\"",
            "\"roles\"",
            "\"role\"",
            "\"type\"",
            "\"state\"",
            "\"labels\"",
            "\"annotations\"",
            "\"created_at\"",
            "\"updated_at\"",
            "\"credentials\"",
            "\"image\"",
            "\"sha1\"",
            "\"error\"",
            "\"suspended\"",
            "\"acme\"",
            "\"ACME\"",
            "\"dev\"",
            "\"shop\"",
            "\"bits\"",
            "\"docker\"",
            "\"READY\"",
            "\"2020-02-30T00:00:00Z\"",
            "\"space_developer\"",
            "\"resources\"",
            "\"pagination\"",
            "\"included\"",
            "\"links\"",
            "\"relationships\"",
            "\"data\"",
            "\"recorded\"",
            "/v3/apps/",
            "null",
            "true",
            "{}",
            "[]",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\u0000",
            "\\ud800",
            "\\u00e4",
            "\u{feff}",
            "\u{130}",
            "\u{df}",
            "\n",
            "{\"package\": ",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> Result<Answer, String> {
        let applied = self.apply(input);
        let after = self.export();
        let answer = match applied {
            Err(error) => {
                if after != self.before {
                    return Err(format!("refused ({error}), but the data changed"));
                }
                return Ok(Answer {
                    is_accepted: false,
                    text: kind_of(&error.to_string()),
                });
            }
            Ok(changes) => format!("{changes} changes"),
        };
        let checked = store::check(&self.path, |snapshot, faults| {
            records::find_faults(snapshot, faults)?;
            blobs::find_faults(snapshot, faults)
        })
        .map_err(|error| error.to_string())?;
        if !checked.faults.is_empty() {
            return Err(format!("`check`: {}", checked.faults.join("; ")));
        }
        for (what, bytes) in [("the seed again", input), ("a seed of the export", &after)] {
            let again = self
                .apply(bytes)
                .map_err(|error| format!("{what} is refused: {error}"))?;
            if again != 0 || self.export() != after {
                return Err(format!("{what} changes {again} entries"));
            }
        }
        self.restore();
        if self.export() != self.before {
            return Err("the data cannot be restored".into());
        }
        Ok(Answer {
            is_accepted: true,
            text: answer,
        })
    }
}
