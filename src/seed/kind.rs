//! The five kinds of entries, and where in a seed one stands.

/// A kind of entry, parents first: the order in which a document is applied and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Organization,
    Space,
    App,
    User,
    Package,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Organization,
        Self::Space,
        Self::App,
        Self::User,
        Self::Package,
    ];
    /// The keys of a line in JSON Lines.
    pub(super) const SINGULARS: [&'static str; 5] =
        ["organization", "space", "app", "user", "package"];
    /// The keys of the JSON form.
    pub(super) const PLURALS: [&'static str; 5] =
        ["organizations", "spaces", "apps", "users", "packages"];

    /// Its place in `ALL`.
    pub(super) fn index(self) -> usize {
        self as usize
    }

    pub(super) fn singular(self) -> &'static str {
        Self::SINGULARS[self.index()]
    }

    pub(super) fn plural(self) -> &'static str {
        Self::PLURALS[self.index()]
    }

    /// The word with its article, for sentences.
    pub(super) fn with_article(self) -> &'static str {
        [
            "an organization",
            "a space",
            "an app",
            "a user",
            "a package",
        ][self.index()]
    }
}

/// How a seed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object of arrays.
    Json,
    /// One entry a line under its singular.
    JsonLines,
}

/// Where an entry stands: the index in its array, or the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) form: Form,
    pub(super) kind: Kind,
    pub(super) number: u64,
}

impl Place {
    /// `packages[3].state`, `package.state`.
    pub(super) fn path(&self, field: &str) -> String {
        let entry = match self.form {
            Form::Json => format!("{}[{}]", self.kind.plural(), self.number),
            Form::JsonLines => self.kind.singular().to_owned(),
        };
        if field.is_empty() {
            entry
        } else {
            format!("{entry}.{field}")
        }
    }

    pub(super) fn line(&self) -> Option<u64> {
        (self.form == Form::JsonLines).then_some(self.number)
    }

    /// For a sentence that names two places.
    pub(super) fn named(&self) -> String {
        match self.form {
            Form::Json => format!("`{}`", self.path("")),
            Form::JsonLines => format!("the `{}` of line {}", self.kind.singular(), self.number),
        }
    }
}
