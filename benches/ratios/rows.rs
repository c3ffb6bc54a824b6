//! What is measured: one function a group of rows.

mod lasting;
mod pages;
mod whole;

use std::net::SocketAddr;

use crate::client;
use crate::data::Folder;
use crate::options::Options;
use crate::table::Table;
use crate::{Error, Result};

/// The groups, in the order of the table. The one that writes comes last.
pub const GROUPS: [Group; 10] = [
    Group {
        name: "hot",
        about: "pages that are kept, beside a static route",
        run: pages::hot,
    },
    Group {
        name: "cold",
        about: "pages that are not kept, beside the same in process",
        run: pages::cold,
    },
    Group {
        name: "depth",
        about: "any page of any table, beside the first of the smallest",
        run: pages::depth,
    },
    Group {
        name: "offset",
        about: "the figure people know: count and offset",
        run: pages::offset,
    },
    Group {
        name: "tenth",
        about: "who sees a tenth, beside who sees all",
        run: pages::tenth,
    },
    Group {
        name: "walk",
        about: "every page, beside a dump",
        run: whole::walk,
    },
    Group {
        name: "seed",
        about: "JSON Lines into a new database, beside bare inserts",
        run: whole::seed,
    },
    Group {
        name: "start",
        about: "from the command to the first answer",
        run: lasting::start,
    },
    Group {
        name: "memory",
        about: "resident memory, beside the static route's",
        run: lasting::memory,
    },
    Group {
        name: "writes",
        about: "readers while another process writes",
        run: pages::writes,
    },
];

/// Rows that are measured together.
pub struct Group {
    /// What `--only` says.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures it.
    pub run: fn(&mut RenderContext, &mut Table) -> Result<()>,
}

/// What all rows share.
pub struct RenderContext {
    /// How long everything is measured.
    pub options: Options,
    /// Where the databases are.
    pub folder: Folder,
}

impl RenderContext {
    /// Nothing measured yet.
    pub fn new(options: Options) -> Result<Self> {
        let folder = Folder::new()?;
        Ok(Self { options, folder })
    }
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    First,
    Middle,
    Last,
}

impl Depth {
    const ALL: [Self; 3] = [Self::First, Self::Middle, Self::Last];

    fn named(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Middle => "middle",
            Self::Last => "last",
        }
    }

    /// The number of that page, of so many.
    fn of(self, pages: u64) -> u64 {
        match self {
            Self::First => 1,
            Self::Middle => pages.div_ceil(2),
            Self::Last => pages,
        }
    }
}

/// How many pages the list has that a request asks for, as the server says (`--api current`).
fn pages(address: SocketAddr, target: &str, token: &str) -> Result<u64> {
    let body = client::body(address, &client::get(target, token))?;
    let document: serde_json::Value = serde_json::from_slice(&body)?;
    let pages = document["pagination"]["total_pages"].as_u64();
    pages.ok_or_else(|| -> Error { format!("{target} tells no number of pages").into() })
}

/// The request for one page of the list at `target`, which has a query already.
fn page_at(address: SocketAddr, target: &str, token: &str, depth: Depth) -> Result<Vec<u8>> {
    let number = depth.of(pages(address, target, token)?);
    Ok(client::get(&format!("{target}&page={number}"), token))
}
