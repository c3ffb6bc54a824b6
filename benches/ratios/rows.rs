//! The rows of the table: one function for each group of rows.

mod all_data;
mod bits;
mod creations;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod startup_and_memory;

use std::net::SocketAddr;

use crate::client;
use crate::databases::Folder;
use crate::options::Options;
use crate::table::Table;
use crate::{Error, Result};

/// The groups, in the order of the table. The group that changes the databases comes last.
pub const GROUPS: &[Group] = &[
    Group {
        name: "hot",
        about: "cached pages, compared with a static route",
        run: pages::hot,
    },
    Group {
        name: "cold",
        about: "pages without a response cache, compared with the same pages in process",
        run: pages::cold,
    },
    Group {
        name: "depth",
        about: "pages at any depth, compared with the first page of the smallest table",
        run: pages::depth,
    },
    Group {
        name: "anywhere",
        about: "pages anywhere in the largest table, of both editions",
        run: pages::anywhere,
    },
    Group {
        name: "latency",
        about: "the time until the response, alone and beside sixteen connections",
        run: pages::latency,
    },
    Group {
        name: "offset",
        about: "pages found with count and offset",
        run: pages::offset,
    },
    Group {
        name: "tenth",
        about: "pages of a user who sees a tenth of the spaces, compared with those of an admin",
        run: pages::tenth,
    },
    Group {
        name: "all-pages",
        about: "all pages, compared with a dump",
        run: all_data::all_pages,
    },
    Group {
        name: "seed",
        about: "JSON Lines into a new database, compared with bare inserts",
        run: all_data::seed,
    },
    Group {
        name: "creations",
        about: "new packages, compared with transactions in process",
        run: creations::creations,
    },
    Group {
        name: "bits",
        about: "uploads and downloads, compared with inserts, a copy and a static route",
        run: bits::bits,
    },
    Group {
        name: "start",
        about: "from the start of the process to the first response",
        run: startup_and_memory::start,
    },
    Group {
        name: "memory",
        about: "resident memory, compared with that of the static route",
        run: startup_and_memory::memory,
    },
    #[cfg(feature = "postgres")]
    Group {
        name: "postgres",
        about: "a database of a PostgreSQL server, compared with a file and with a bare client",
        run: postgres::postgres,
    },
    Group {
        name: "writes",
        about: "readers while another process writes, and while packages are created",
        run: pages::writes,
    },
];

/// Rows that are measured together.
pub struct Group {
    /// The name for `--only`.
    pub name: &'static str,
    /// What is measured, for the progress output.
    pub about: &'static str,
    /// Measures it.
    pub run: fn(&mut Context, &mut Table) -> Result<()>,
}

/// What all rows share.
pub struct Context {
    /// What is measured, how often and how long.
    pub options: Options,
    /// The databases.
    pub folder: Folder,
}

impl Context {
    /// Creates the folder of the databases.
    pub fn new(options: Options) -> Result<Self> {
        let folder = Folder::new()?;
        Ok(Self { options, folder })
    }
}

/// A position in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    First,
    Middle,
    Last,
}

impl Depth {
    const ALL: [Self; 3] = [Self::First, Self::Middle, Self::Last];

    fn label(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Middle => "middle",
            Self::Last => "last",
        }
    }

    /// Returns the number of the page at this position, in a list of `pages` pages.
    fn page(self, pages: u64) -> u64 {
        match self {
            Self::First => 1,
            Self::Middle => pages.div_ceil(2),
            Self::Last => pages,
        }
    }
}

/// Returns `total_pages` of the list at `target` (only in the edition `current`).
fn total_pages(address: SocketAddr, target: &str, token: &str) -> Result<u64> {
    let body = client::body(address, &client::get(target, token))?;
    let document: serde_json::Value = serde_json::from_slice(&body)?;
    let pages = document["pagination"]["total_pages"].as_u64();
    pages.ok_or_else(|| -> Error { format!("{target} has no `total_pages`").into() })
}

/// Returns a request for one page of the list at `target`, which must have a query.
fn page_at(address: SocketAddr, target: &str, token: &str, depth: Depth) -> Result<Vec<u8>> {
    let number = depth.page(total_pages(address, target, token)?);
    Ok(client::get(&format!("{target}&page={number}"), token))
}
