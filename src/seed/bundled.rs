//! The seeds that are in the program.

use include_dir::{Dir, include_dir};

static SEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/seed");

/// Each with what it is; their files are `seed/NAME.json`.
const NAMES: [(&str, &str); 2] = [
    (
        "example",
        "the API document's own data: its three packages, and a fourth that its user may not see",
    ),
    (
        "demo",
        "a foundation: organizations, spaces, apps, users, and packages of every state and type",
    ),
];

/// A seed that is in the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// What it is called.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    pub(super) contents: &'static [u8],
}

/// All of them.
pub fn all() -> impl Iterator<Item = Bundled> {
    NAMES.into_iter().filter_map(|(name, about)| {
        let file = SEEDS.get_file(format!("{name}.json"))?;
        Some(Bundled {
            name,
            about,
            contents: file.contents(),
        })
    })
}

/// The one called `name`.
pub(super) fn find(name: &str) -> Option<Bundled> {
    all().find(|bundled| bundled.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_folder_is_listed() {
        assert_eq!(all().count(), NAMES.len());
        assert_eq!(SEEDS.files().count(), NAMES.len());
    }
}
