//! Label selectors, compared with a second implementation of `docs/reference/label-selectors.md`.

use std::collections::{BTreeMap, BTreeSet};

use cf_packages::edition::Edition;
use cf_packages::seed::Source;
use fancy_regex::Regex;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::query::Routed;
use crate::support::random::Random;
use crate::{Answer, Target, kind_of, lines};

const KEYS: [&str; 5] = ["env", "tier", "example.com/env", "a.b_c-d", "team"];
const VALUES: [&str; 5] = ["prod", "dev", "", "1.0", "A_b-c"];

pub struct Selector {
    routed: Routed,
    /// The labels of each package, by guid.
    packages: BTreeMap<String, BTreeMap<String, String>>,
    forms: Forms,
}

/// The forms of a requirement, and of keys and values. As in Ruby, `.` is no line feed.
struct Forms {
    pieces: Regex,
    within: Regex,
    not_within: Regex,
    equal: Regex,
    exists: Regex,
    dns: Regex,
    name: Regex,
    ends: Regex,
}

impl Selector {
    pub fn new() -> Self {
        let mut random = Random(1);
        let mut packages = BTreeMap::new();
        for number in 0..60 {
            let held = KEYS.iter().filter(|_| random.one_in(2)).collect::<Vec<_>>();
            let labels = held
                .into_iter()
                .map(|key| ((*key).to_owned(), (*random.choose(&VALUES)).to_owned()));
            packages.insert(format!("p{number}"), labels.collect::<BTreeMap<_, _>>());
        }
        let entries: Vec<_> = packages
            .iter()
            .map(|(guid, labels)| {
                serde_json::json!({"guid": guid, "app": "a", "type": "bits", "labels": labels})
            })
            .collect();
        let seed = serde_json::json!({
            "organizations": [{"name": "o"}], "spaces": [{"name": "s", "organization": "o"}],
            "apps": [{"name": "a", "space": "s"}], "packages": entries
        });
        let seed = Source::Bytes {
            label: "packages".into(),
            bytes: seed.to_string().into_bytes(),
        };
        let part = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        let regex = |text: &str| Regex::new(text).expect("a regular expression");
        Self {
            routed: Routed::new(Edition::Current, seed),
            packages,
            forms: Forms {
                pieces: regex(r"(?:\(.*?\)|[^,])+"),
                within: regex(r"\A(.*?) in \((.*)\)\z"),
                not_within: regex(r"\A(.*?) notin \((.*)\)\z"),
                equal: regex(r"\A([\w\-./]+?)(!=|==|=)(.*)\z"),
                exists: regex(r"\A(!?)([\w\-./]+)\z"),
                dns: regex(&format!(r"\A{part}(?:\.{part})+\z")),
                name: regex(r"\A[A-Za-z0-9_.-]*\z"),
                ends: regex(r"(?s)\A[A-Za-z0-9](?:.*[A-Za-z0-9])?\z"),
            },
        }
    }

    /// Returns the guids of the packages that a selector selects, or its error.
    fn expected(&self, selector: &str) -> Result<BTreeSet<String>, String> {
        let found = self.forms.pieces.find_iter(selector);
        let pieces: Vec<_> = found
            .map(|piece| piece.expect("a simple pattern").as_str())
            .collect();
        if pieces.is_empty() {
            return Err("Missing label_selector value".into());
        }
        if pieces.len() > 50 {
            return Err("Too many label_selector requirements (maximum is 50)".into());
        }
        let parsed: Vec<_> = pieces
            .iter()
            .map(|piece| self.forms.requirement(piece))
            .collect();
        let faults: Vec<_> = parsed
            .iter()
            .filter_map(|piece| piece.as_ref().err().cloned())
            .collect();
        if !faults.is_empty() {
            return Err(faults.join(", "));
        }
        let selected = self.packages.iter().filter(|(_, labels)| {
            parsed
                .iter()
                .flatten()
                .all(|requirement| requirement.holds(labels))
        });
        Ok(selected.map(|(guid, _)| guid.clone()).collect())
    }
}

struct Requirement {
    key: String,
    /// `None`: any value.
    values: Option<Vec<String>>,
    is_negated: bool,
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = labels.get(&self.key).is_some_and(|value| {
            self.values
                .as_ref()
                .is_none_or(|values| values.contains(value))
        });
        has != self.is_negated
    }
}

impl Forms {
    fn requirement(&self, piece: &str) -> Result<Requirement, String> {
        let captured = |form: &Regex| form.captures(piece).expect("a simple pattern");
        let is_ascii_key = |key: &str| key.is_ascii();
        let (key, values, is_negated) = if let Some(parts) = captured(&self.within) {
            (parts[1].to_owned(), Some(parts[2].to_owned()), false)
        } else if let Some(parts) = captured(&self.not_within) {
            (parts[1].to_owned(), Some(parts[2].to_owned()), true)
        } else if let Some(parts) = captured(&self.equal).filter(|parts| is_ascii_key(&parts[1])) {
            (
                parts[1].to_owned(),
                Some(parts[3].to_owned()),
                &parts[2] == "!=",
            )
        } else if let Some(parts) = captured(&self.exists).filter(|parts| is_ascii_key(&parts[2])) {
            (parts[2].to_owned(), None, &parts[1] == "!")
        } else {
            return Err("Invalid label_selector value".into());
        };
        self.key_fault(&key)?;
        let values = values.map(|values| {
            let mut values: Vec<String> = values.split(',').map(str::to_owned).collect();
            while values.last().is_some_and(String::is_empty) {
                values.pop();
            }
            values
        });
        for value in values.iter().flatten().filter(|value| !value.is_empty()) {
            self.name_fault(value)?;
        }
        Ok(Requirement {
            key,
            values,
            is_negated,
        })
    }

    fn key_fault(&self, key: &str) -> Result<(), String> {
        let is_blank = |text: &str| text.trim().is_empty();
        let empty = || Err("key cannot be empty string".into());
        if is_blank(key) {
            return empty();
        }
        let parts: Vec<_> = key.split('/').collect();
        let (prefix, name) = match parts[..] {
            [name] => (None, name),
            ["", ""] => (None, ""),
            [prefix, name] => (Some(prefix), name),
            _ => return Err("key has more than one '/'".into()),
        };
        if let Some(prefix) = prefix {
            if !self.dns.is_match(prefix).expect("a simple pattern") {
                return Err(format!("prefix '{prefix}' must be in valid dns format"));
            }
            if prefix.chars().count() > 253 {
                return Err(format!(
                    "prefix '{}...' is greater than 253 characters",
                    &prefix[..8]
                ));
            }
            if prefix.eq_ignore_ascii_case("cloudfoundry.org") {
                return Err("prefix 'cloudfoundry.org' is reserved".into());
            }
        }
        if is_blank(name) {
            empty()
        } else {
            self.name_fault(name)
        }
    }

    fn name_fault(&self, name: &str) -> Result<(), String> {
        let is = |form: &Regex| form.is_match(name).expect("a simple pattern");
        if !is(&self.name) {
            return Err(format!("'{name}' contains invalid characters"));
        }
        if !is(&self.ends) {
            return Err(format!("'{name}' starts or ends with invalid characters"));
        }
        match name.len() {
            0..=63 => Ok(()),
            _ => Err(format!("'{}...' is greater than 63 characters", &name[..8])),
        }
    }
}

impl Target for Selector {
    fn corpus(&self) -> Vec<Vec<u8>> {
        lines(include_str!("corpus/selector.txt"))
    }

    fn dictionary(&self) -> &'static [&'static str] {
        &[
            " in (",
            " notin (",
            ")",
            "(",
            "=",
            "==",
            "!=",
            "!",
            ",",
            "/",
            ".",
            "-",
            "_",
            " ",
            "env",
            "tier",
            "team",
            "example.com/env",
            "a.b_c-d",
            "prod",
            "dev",
            "1.0",
            "A_b-c",
            "cloudfoundry.org/",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "\u{e4}",
            "\u{a0}",
            "\n",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> Result<Answer, String> {
        let selector = String::from_utf8_lossy(input);
        let escaped = percent_encode(selector.as_bytes(), NON_ALPHANUMERIC);
        let target = format!("/v3/packages?per_page=5000&label_selector={escaped}");
        let Some((status, document)) = self.routed.get(&target)? else {
            return Err("no target".into());
        };
        if status == 414 {
            return Ok(Answer {
                is_accepted: false,
                text: "414".into(),
            });
        }
        let expected = self.expected(&selector);
        let found = match status {
            200 => {
                let resources = document["resources"].as_array().ok_or("no resources")?;
                let guids = resources
                    .iter()
                    .filter_map(|resource| resource["guid"].as_str());
                Ok(guids.map(str::to_owned).collect())
            }
            _ => {
                let detail = document["errors"][0]["detail"].as_str().unwrap_or_default();
                let text = detail.strip_prefix("The query parameter is invalid: ");
                Err(text.unwrap_or(detail).to_owned())
            }
        };
        if found != expected {
            return Err(format!("{status} {found:?}\ninstead of {expected:?}"));
        }
        Ok(Answer {
            is_accepted: found.is_ok(),
            text: found.map_or_else(|text| kind_of(&text), |guids| format!("{}", guids.len())),
        })
    }
}
